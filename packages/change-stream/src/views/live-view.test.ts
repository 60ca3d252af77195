import assert from 'node:assert/strict';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { findRedis, startRedis, type TestRedis } from '@portico/testing/engines.ts';
import { Redis } from 'ioredis';
import { PositionGone } from '../hub/event-hub.ts';
import { createTracingSpy, type TracingSpy } from '../hub/tracing-spy.fixture.ts';
import type { ChangeNode } from '../node/change-node.ts';
import { createChangeNode } from '../node/create-change-node.ts';
import { type Connection, createSimulatedHub, type SimulatedHub } from '../node/simulated-hub.fixture.ts';
import { countingView, recordOf } from './counting-view.fixture.ts';
import { createLiveView } from './create-live-view.ts';
import type { LiveView } from './live-view.ts';
import { createMemoryViewStore } from './memory-view-store.ts';
import { HistoryDamaged, type RecordHistory } from './record-history.ts';
import { createRedisViewStore } from './redis-view-store.ts';
import type { ViewStore } from './view-store.ts';

type Count = { readonly count: number; readonly last: number };
const never = new AbortController().signal;
const now = 1_000_000;
const opened: { close(): Promise<unknown> }[] = [];
let hub: SimulatedHub;
beforeEach(() => {
  hub = createSimulatedHub();
  say();
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

const say = () =>
  hub.say({ source: 'orders', xmin: '1', committedAt: now, offset: { log: 'orders', at: '0' } });
const append = (key: string, type?: string, source?: string, traceparent?: string) => {
  const { number: _, ...record } = recordOf(hub.size() + 1, key, type, source);
  const events = record.events.map((event) => ({ ...event, ...(traceparent && { traceparent }) }));
  hub.append({ ...record, events, committedAt: now });
};

/** One process with the view, and its own way to the hub. */
function open(
  store: ViewStore<Count> = createMemoryViewStore(),
  options: { log?: typeof silentLogger; tracing?: TracingSpy; history?: RecordHistory; first?: number } = {},
) {
  const { first = 1, ...others } = options;
  const connection = beginAt(first, hub.connect());
  const node = createChangeNode({
    hub: connection.hub,
    sources: [{ source: 'orders', tables: [], toEvents: () => [], tagsOf: ({ key }) => [key] }],
    clockSkewMs: 0,
    log: silentLogger,
    tracing: options.tracing,
    now: () => now,
    steadyNow: () => now,
    pause: () => nextTurn(),
  });
  const metrics = createMetrics('test');
  const view = createLiveView({
    view: countingView,
    store,
    node,
    hub: connection.hub,
    log: silentLogger,
    metrics,
    waitMs: 5_000,
    pause: () => nextTurn(),
    ...others,
  });
  opened.push(node, view);
  const count = async (key: string) => (await view.read([key], undefined, never))?.states.get(key)?.count;
  return { connection, node, view, metrics, count };
}

/** The hub has let go of what is below `first`. */
function beginAt(first: number, connection: Connection): Connection {
  const { range, read } = connection.hub;
  const trimmed: Connection['hub'] = {
    ...connection.hub,
    range: async () => ({ ...(await range()), first }),
    read: async (after, limit) => {
      if (after.number + 1 < first) throw new PositionGone(`the log begins at ${first}`);
      return read(after, limit);
    },
  };
  return { ...connection, hub: trimmed };
}
const isUpTo = async ({ node, view }: { node: ChangeNode; view: LiveView<Count> }, number = hub.size()) => {
  while (node.applied?.number !== number || view.applied?.number !== number) await nextTurn();
};

test('a view that begins later has everything from the beginning of the log', async () => {
  for (let turn = 0; turn < 1_200; turn += 1) append(`k${turn % 3}`);
  const process = open();
  await isUpTo(process);
  assert.equal(await process.count('k0'), 400);
  assert.equal(await process.count('unknown'), undefined);
});

test('a record is in the cache first, then in the view, and whoever waits for it finds it in both', async () => {
  const process = open();
  await isUpTo(process);
  const { node, view } = process;
  const seen: unknown[] = [];
  view.onChange((keys) => seen.push([keys && [...keys], node.lastChange('a'), view.applied?.number]));
  const position = { epoch: 'epoch 1', number: 1 };
  const waiting = view.read(['a'], { position, commits: [], seen: [] }, never);
  append('a');
  await process.connection.deliver(1, 0);
  assert.deepEqual(seen, [[['a'], 1, 1]]);
  const { states, position: at } = (await waiting) ?? {};
  assert.deepEqual([states?.get('a'), at?.number], [{ count: 1, last: 1 }, 1]);
});

test('records that come again, and those between a cut and its mending, are folded once', async () => {
  const process = open();
  await isUpTo(process);
  for (let turn = 0; turn < 5; turn += 1) {
    append('a');
    await process.connection.deliver(1, 3);
  }
  assert.equal(await process.count('a'), 5);
  process.connection.cut();
  for (let turn = 0; turn < 5; turn += 1) append('a');
  process.connection.mend();
  while (process.node.applied?.number !== 10) {
    await nextTurn();
    await process.connection.deliver(10, 2);
  }
  await isUpTo(process);
  assert.equal(await process.count('a'), 10);
});

test('what is folded as it happens goes on in the trace of its events, and no trace with what happened long ago', async () => {
  append('a', undefined, undefined, 'long ago');
  const tracing = createTracingSpy();
  const process = open(undefined, { tracing });
  await isUpTo(process);
  const seen: unknown[] = [];
  process.view.onChange((_, events) => seen.push(events.map(({ traceparent }) => traceparent)));
  append('a', undefined, undefined, 'now');
  append('a');
  await process.connection.deliver(3, 0);
  assert.deepEqual(
    tracing.spans.map(({ parent, operation, consumer }) => [parent, operation, consumer]),
    [
      ['now', 'apply', undefined],
      ['now 1', 'fold', 'test counts'],
    ],
  );
  assert.deepEqual(seen, [['now 1 2'], [undefined]]);
  process.view.close();
  const again = open(undefined, { tracing });
  await isUpTo(again);
  assert.equal(await again.count('a'), 3);
  assert.equal(tracing.spans.length, 2);
});

test('a hub that was restored is another log: the view is made anew from it', async () => {
  const process = open();
  await isUpTo(process);
  for (let turn = 0; turn < 5; turn += 1) append('a');
  await process.connection.deliver(5, 0);
  assert.equal(await process.count('a'), 5);
  let changes = 0;
  process.view.onChange((keys) => {
    if (keys === undefined) changes += 1;
  });
  hub.restore(2);
  say();
  while (process.view.applied?.epoch !== 'epoch 2') await nextTurn();
  assert.equal(await process.count('a'), 2);
  assert.ok(changes > 0);
});

test('a truncation empties the view, and nothing is answered from it while a snapshot comes', async () => {
  const process = open();
  await isUpTo(process);
  const deliver = async (key: string, type?: string) => {
    append(key, type);
    await process.connection.deliver(1, 0);
  };
  await deliver('a');
  await deliver('truncated', 'everything-changed');
  assert.deepEqual((await process.view.read(['a'], undefined, never))?.states, new Map());
  await deliver('snapshot-begun', 'everything-changed');
  await deliver('a');
  assert.equal(await process.view.read(['a'], undefined, never), undefined);
  await deliver('snapshot-ended', 'everything-changed');
  assert.equal(await process.count('a'), 1);
});

describe('of a hub that has let go of records', () => {
  /** What has been appended until then, with what it may fail by. */
  const history = (fail: () => void = () => {}): RecordHistory => {
    const records = Array.from({ length: hub.size() }, (_, index) => recordOf(index + 1, 'a'));
    const pages = async function* () {
      yield records;
      fail();
    };
    return { open: async () => ({ first: 1, last: records.length, pages }) };
  };
  const isWhole = async (process: ReturnType<typeof open>) => {
    await isUpTo(process);
    await process.connection.deliver(1, 0);
    return process.count('a');
  };

  test('a view is whole again from what was kept, and goes on from there', async () => {
    for (let turn = 0; turn < 5; turn += 1) append('a');
    const kept = history();
    for (let turn = 0; turn < 2; turn += 1) append('a');
    const process = open(undefined, { first: 5, history: kept });
    assert.equal(await isWhole(process), 7);
    append('a');
    await process.connection.deliver(1, 0);
    assert.equal(await process.count('a'), 8);
  });

  test('so is one whose cursor is below what is left', async () => {
    append('a');
    const store = createMemoryViewStore<Count>();
    const early = open(store);
    await isUpTo(early);
    await early.view.close();
    for (let turn = 0; turn < 5; turn += 1) append('a');
    assert.equal(await isWhole(open(store, { first: 4, history: history() })), 6);
  });

  test('a view has a gap where nothing was kept or that is damaged, and waits for what is yet to be kept', async () => {
    for (let turn = 0; turn < 5; turn += 1) append('a');
    assert.equal(await isWhole(open(undefined, { first: 3 })), undefined);
    const damaged = history(() => {
      throw new HistoryDamaged('a segment is cut');
    });
    assert.equal(await isWhole(open(undefined, { first: 3, history: damaged })), undefined);
    let asked = 0;
    const late: RecordHistory = {
      open: async (epoch) => {
        asked += 1;
        return asked < 5 ? undefined : history().open(epoch);
      },
    };
    assert.equal(await isWhole(open(undefined, { first: 3, history: late })), 5);
  });
});

test('records of other services move the view on and change nothing in it', async () => {
  const process = open();
  await isUpTo(process);
  append('a', undefined, 'catalog');
  await process.connection.deliver(1, 0);
  assert.equal(process.view.applied?.number, 1);
  assert.equal(await process.count('a'), undefined);
});

describe('with Redis', {
  skip: findRedis() === undefined ? 'no redis-server or valkey-server on PATH' : undefined,
}, () => {
  let server: Promise<TestRedis> | undefined;
  after(async () => (await server)?.stop());
  let version = 0;
  const connect = async () => {
    server ??= startRedis();
    const redis = new Redis((await server).url);
    opened.push({ close: async () => redis.disconnect() });
    const view = { name: countingView.name, version };
    return { redis, store: createRedisViewStore<Count>({ redis, view }) };
  };
  beforeEach(() => {
    version += 1;
  });

  test('several instances share a view, and each record is in it once', async () => {
    const [one, other] = [open((await connect()).store), open((await connect()).store)];
    await Promise.all([isUpTo(one), isUpTo(other)]);
    for (let turn = 0; turn < 60; turn += 1) {
      append('a');
      await Promise.all([one.connection.deliver(1, 0), other.connection.deliver(1, turn % 3)]);
      if (turn % 20 === 10) other.connection.cut();
      if (turn % 20 === 15) other.connection.mend();
    }
    while (other.node.applied?.number !== 60) {
      await nextTurn();
      await other.connection.deliver(60, 0);
    }
    await Promise.all([isUpTo(one), isUpTo(other)]);
    assert.deepEqual([await one.count('a'), await other.count('a')], [60, 60]);
  });

  test('what Redis has lost is found out by the next read, and folded again', async () => {
    const { redis, store } = await connect();
    const process = open(store);
    await isUpTo(process);
    append('a');
    await process.connection.deliver(1, 0);
    await isUpTo(process);
    await redis.flushall();
    assert.equal(await process.view.read(['a'], undefined, never), undefined);
    assert.equal(await process.count('a'), 1);
  });
});
