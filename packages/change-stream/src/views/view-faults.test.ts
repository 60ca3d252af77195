import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { findRedis, startRedis, type TestRedis } from '@portico/testing/engines.ts';
import { Redis } from 'ioredis';
import { createChangeNode } from '../node/create-change-node.ts';
import { createSimulatedHub, type SimulatedHub } from '../node/simulated-hub.fixture.ts';
import { recordOf } from './counting-view.fixture.ts';
import { createLiveView } from './create-live-view.ts';
import { type Bug, type Listing, listingView } from './listing-view.fixture.ts';
import { createMemoryViewStore } from './memory-view-store.ts';
import { createRedisViewStore, type ViewRedis } from './redis-view-store.ts';
import type { ViewStore } from './view-store.ts';

const never = new AbortController().signal;
const now = Date.UTC(2026, 0, 1);
const opened: { close(): Promise<unknown> }[] = [];
let hub: SimulatedHub;
beforeEach(() => {
  hub = createSimulatedHub();
  hub.say({ source: 'orders', xmin: '1', committedAt: now, offset: { log: 'orders', at: '0' } });
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

const append = (...keys: string[]) => {
  for (const key of keys) hub.append({ ...recordOf(hub.size() + 1, key), committedAt: now });
};
/** The events of these numbers are not understood. */
const failsAt =
  (at: 'keysOf' | 'evolve', ...numbers: number[]): Bug =>
  ({ id }) =>
    numbers.includes(Number(id)) ? { at } : undefined;

/** One process with the view, up to the end of the log. */
async function open(store: ViewStore<Listing>, bug?: Bug, build = 'b1') {
  const { hub: own, ...connection } = hub.connect();
  const lines: { level: string; msg: string; fault?: string }[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const log = createLogger({ name: 'test', level: 'info', destination });
  const metrics = createMetrics('test');
  const options = { hub: own, log, now: () => now, steadyNow: () => now, pause: () => nextTurn() };
  const source = { source: 'orders', tables: [], toEvents: () => [], tagsOf: () => [] };
  const node = createChangeNode({ ...options, sources: [source], clockSkewMs: 0 });
  const view = createLiveView({
    ...options,
    view: listingView(bug),
    store,
    node,
    metrics,
    build,
    waitMs: 5_000,
  });
  opened.push(node, view);
  const isUpTo = async (number = hub.size()) => {
    while (node.applied?.number !== number || view.applied?.number !== number) await nextTurn();
  };
  await isUpTo();
  const ids = async (key: string) => {
    const read = await view.read([key], undefined, never);
    return read && (read.states.get(key)?.units.flatMap(([, each]) => each) ?? []);
  };
  const metric = async (name: string) => {
    const shown = await metrics.registry.metrics();
    return new RegExp(`^${name}\\{[^}]*="test listing"[^}]*\\} (\\d+)$`, 'm').exec(shown)?.[1];
  };
  const bring = async (...keys: string[]) => {
    append(...keys);
    await connection.deliver(keys.length, 0);
  };
  return { view, faults: view.faults, lines, ids, metric, isUpTo, bring, connection };
}
const onlyFault = async ({ faults }: Awaited<ReturnType<typeof open>>) => {
  const [fault, ...others] = await faults.list();
  assert.deepEqual(others, []);
  assert.ok(fault);
  return fault;
};

test('an event that is not understood is one fault that says everything, and the view goes on beside it', async () => {
  const process = await open(createMemoryViewStore(), failsAt('evolve', 2));
  await process.bring('a', 'a', 'b', 'a', 'b', 'u+a+c');
  await process.isUpTo();
  const { id } = await onlyFault(process);
  assert.match(id, /^[0-9a-f]{8}$/);
  const { error, ...fault } = (await process.faults.show(id)) ?? {};
  assert.deepEqual(fault, {
    id,
    consumer: 'test listing',
    codeVersion: '1, build b1',
    source: 'orders',
    position: { epoch: 'epoch 1', number: 2 },
    event: recordOf(2, 'a').events[0],
    keys: ['a'],
    firstAt: '2026-01-01T00:00:00.000Z',
    lastAt: '2026-01-01T00:00:00.000Z',
    tries: 1,
    waiting: 2,
  });
  assert.deepEqual([error?.name, error?.message], ['TypeError', 'evolve does not understand the event 2']);
  assert.match(String(error?.stack), /listing-view/);
  assert.deepEqual(await process.ids('b'), ['3', '5']);
  assert.deepEqual(await process.ids('c'), ['6']);
  assert.equal(await process.ids('a'), undefined);
  assert.equal(await process.view.peek(['a', 'b']), 'untrusted');
  assert.notEqual(await process.view.peek(['b']), 'untrusted');
  const failed = process.lines.filter(({ level }) => level === 'error');
  assert.deepEqual(
    failed.map(({ msg, fault }) => [msg, fault]),
    [['an event is set aside: the view does not understand it', id]],
  );
  const metrics = ['portico_faults', 'portico_faults_total', 'portico_view_failed'].map(process.metric);
  assert.deepEqual(await Promise.all(metrics), ['1', '1', '0']);
});

test('whose key is not known may be missing anywhere: nothing is answered, and the view goes on all the same', async () => {
  const store = createMemoryViewStore<Listing>();
  const process = await open(store, failsAt('keysOf', 1));
  const told: unknown[] = [];
  process.view.onChange((keys) => told.push(keys));
  await process.bring('u+a', 'b', 'u+b');
  await process.isUpTo();
  const { keys, waiting, id } = await onlyFault(process);
  assert.deepEqual([keys, waiting], [undefined, 1]);
  assert.deepEqual([await process.ids('b'), await process.view.peek(['b'])], [undefined, 'untrusted']);
  assert.deepEqual(told.at(-1), undefined);
  const fixed = await open(store);
  assert.deepEqual(await fixed.faults.resubmit(id), { applied: 2, left: [] });
  assert.deepEqual([await fixed.ids('a'), await fixed.ids('b')], [['1'], ['2', '3']]);
});

test('resubmitted to code that fails again it stays the same fault, with the new error and one try more', async () => {
  const store = createMemoryViewStore<Listing>();
  const process = await open(store, failsAt('evolve', 1));
  await process.bring('a', 'a');
  const { id } = await onlyFault(process);
  const other = await open(store, failsAt('evolve', 1), 'b2');
  assert.deepEqual(await other.faults.resubmit(id), { applied: 0, left: [id] });
  const { tries, codeVersion, waiting } = await onlyFault(other);
  assert.deepEqual([tries, codeVersion, waiting], [2, '1, build b2', 1]);
  assert.equal(await process.ids('a'), undefined);
  assert.equal(await process.faults.resubmit('00000000'), undefined);
});

test('what waits behind it and is not understood either becomes the next fault', async () => {
  const store = createMemoryViewStore<Listing>();
  const process = await open(store, failsAt('evolve', 1, 3));
  await process.bring('a', 'a', 'a', 'a');
  const { id } = await onlyFault(process);
  const fixed = await open(store, failsAt('evolve', 3));
  const { applied, left } = (await fixed.faults.resubmit(id)) ?? {};
  const next = await onlyFault(fixed);
  assert.deepEqual([applied, left, next.event.id, next.waiting], [2, [next.id], '3', 1]);
  assert.notEqual(next.id, id);
});

test('discarded it is left out for good, and what waited behind it is taken', async () => {
  const process = await open(createMemoryViewStore(), failsAt('evolve', 2));
  await process.bring('a', 'a', 'a');
  const { id } = await onlyFault(process);
  const told: unknown[] = [];
  process.view.onChange((keys) => told.push(keys && [...keys]));
  assert.deepEqual(await process.faults.discard(id), { applied: 1, left: [] });
  assert.deepEqual(told, [['a']]);
  assert.deepEqual(await process.ids('a'), ['1', '3']);
  assert.deepEqual(await process.faults.list(), []);
  assert.equal(await process.metric('portico_faults'), '0');
});

test('a snapshot or truncation takes faults off with all that it replaces', async () => {
  const process = await open(createMemoryViewStore(), failsAt('evolve', 1));
  await process.bring('a');
  await onlyFault(process);
  hub.append({ ...recordOf(2, 'truncated', 'everything-changed'), committedAt: now });
  await process.connection.deliver(1, 0);
  assert.deepEqual(await process.faults.list(), []);
  assert.deepEqual(await process.ids('a'), []);
});

test('a view that understands too little stops before what it can not set aside, and goes on when that is mended', async () => {
  const bug: Bug = ({ key }) => (key.startsWith('p') ? { at: 'evolve' } : undefined);
  const process = await open(createMemoryViewStore(), bug);
  await process.bring(...Array.from({ length: 100 }, (_, index) => `p${index}`), 'a');
  await process.isUpTo();
  assert.deepEqual(await process.ids('a'), ['101']);
  await process.bring('p100', 'a');
  while ((await process.metric('portico_view_failed')) !== '1') await nextTurn();
  assert.equal(await process.ids('a'), undefined);
  assert.equal(await process.view.peek(['a']), 'untrusted');
  const stopped = process.lines.filter(({ msg }) => msg === 'a view is not trusted any more, nor used');
  assert.equal(stopped.length, 1);
  const [{ id } = { id: '' }] = await process.faults.list();
  await process.faults.discard(id);
  await process.isUpTo();
  assert.equal((await process.faults.list()).length, 100);
  assert.deepEqual(await process.ids('a'), ['101', '103']);
  assert.equal(await process.metric('portico_view_failed'), '0');
});

test('no more waits behind a fault than is kept', async () => {
  const process = await open(createMemoryViewStore(), failsAt('evolve', 1));
  await process.bring(...Array.from({ length: 1_001 }, () => 'a'));
  await process.isUpTo();
  assert.equal((await onlyFault(process)).waiting, 1_000);
  await process.bring('a');
  while ((await process.metric('portico_view_failed')) !== '1') await nextTurn();
  assert.equal((await onlyFault(process)).waiting, 1_000);
});

describe('with Redis', {
  skip: findRedis() === undefined ? 'no redis-server or valkey-server on PATH' : undefined,
}, () => {
  let server: Promise<TestRedis> | undefined;
  after(async () => (await server)?.stop());
  let version = 0;
  beforeEach(() => {
    version += 1;
  });
  const control = () => -version;
  const connect = async (of = version, wrap: (redis: Redis) => ViewRedis = (redis) => redis) => {
    server ??= startRedis();
    const redis = new Redis((await server).url);
    opened.push({ close: async () => redis.disconnect() });
    return createRedisViewStore<Listing>({ redis: wrap(redis), view: { name: 'listing', version: of } });
  };
  /** All that Redis has of the view. */
  const fields = async (of: number) => {
    const redis = new Redis(String((await server)?.url));
    opened.push({ close: async () => redis.disconnect() });
    const all = await redis.hgetall(`portico:view:{listing:${of}}`);
    return Object.keys(all)
      .sort()
      .map((name) => [name, all[name]]);
  };
  const broken = failsAt('evolve', 2, 7);

  /** A view with two faults, and what it would be without them. */
  const breakIt = async () => {
    append('a', 'a', 'b', 'a', 'u+a+b', 'c', 'v+b+c', 'b');
    const buggy = await open(await connect(), broken);
    await open(await connect(control()));
    const expected = await fields(control());
    const ids = (await buggy.faults.list()).map(({ id }) => id);
    assert.equal(ids.length, 2);
    return { buggy, expected, ids };
  };

  test('a fixed process repairs it to the byte, while the others still run the old code', async () => {
    const { buggy, expected, ids } = await breakIt();
    assert.notDeepEqual(await fields(version), expected);
    const fixed = await open(await connect());
    for (const id of ids) assert.deepEqual((await fixed.faults.resubmit(id))?.left, []);
    assert.deepEqual(await fields(version), expected);
    assert.deepEqual(await buggy.ids('a'), await fixed.ids('a'));
    assert.deepEqual(await buggy.faults.list(), []);
  });

  test('resubmitted by several instances at once it has its effect once, also while the view goes on', async () => {
    const { buggy, ids } = await breakIt();
    const instances = [await open(await connect()), await open(await connect())];
    const going = buggy.bring('a', 'b', 'a');
    const all = await Promise.all(
      ids.flatMap((id) => instances.flatMap(({ faults }) => [faults.resubmit(id), faults.resubmit(id)])),
    );
    await going;
    await buggy.isUpTo();
    assert.equal(all.filter((resolution) => resolution !== undefined).length, ids.length);
    assert.deepEqual(await buggy.ids('a'), ['1', '2', '4', '9', '11', '5']);
    assert.deepEqual(await buggy.ids('b'), ['3', '8', '10', '5', '7']);
  });

  test('who dies before or behind the one move leaves all of it or nothing', async () => {
    const { expected, ids } = await breakIt();
    const before = await fields(version);
    const [id = '', other = ''] = ids;
    let dies: 'before' | 'behind' | undefined;
    const dying = await open(
      await connect(version, (redis) => ({
        hmget: (key, ...names) => redis.hmget(key, ...names),
        eval: async (...given) => {
          if (dies === 'before') throw new Error('killed');
          const done = await redis.eval(...given);
          if (dies === 'behind') throw new Error('killed');
          return done;
        },
      })),
    );
    dies = 'before';
    await assert.rejects(dying.faults.resubmit(id), /killed/);
    assert.deepEqual(await fields(version), before);
    dies = 'behind';
    await assert.rejects(dying.faults.resubmit(id), /killed/);
    const next = await open(await connect());
    assert.equal(await next.faults.resubmit(id), undefined);
    await next.faults.resubmit(other);
    assert.deepEqual(await fields(version), expected);
  });

  test('processes that are killed while they resubmit leave each event in the states once', async () => {
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}`);
    append(...keys, ...keys, ...keys);
    const buggy = await open(await connect(), ({ id }) => (Number(id) <= 60 ? { at: 'evolve' } : undefined));
    await open(await connect(control()));
    assert.equal((await buggy.faults.list()).length, 60);
    const program = fileURLToPath(new URL('./resubmit.fixture.ts', import.meta.url));
    let killed = 0;
    for (let kills = 0; (await buggy.faults.list()).length > 0; kills += 1) {
      const child = fork(program, [String((await server)?.url), String(version)]);
      const exit = once(child, 'exit');
      let begun = 0;
      child.on('message', () => {
        begun += 1;
        // Some as soon as the resubmission begins, some a little later.
        if (begun > 8) setImmediate(() => child.kill('SIGKILL'));
        else if (begun === 8 && kills % 2 === 0) child.kill('SIGKILL');
      });
      const [, signal] = await exit;
      if (signal === 'SIGKILL') killed += 1;
      assert.ok(kills < 60);
    }
    assert.ok(killed > 0);
    assert.deepEqual(await fields(version), await fields(control()));
  });
});
