import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findRedis, startRedis, type TestRedis } from '@portico/testing/engines.ts';
import { createMemoryLog } from '@portico/testing/memory-event-hub.ts';
import { Redis } from 'ioredis';
import { type DurableEventHub, type HubRecord, PositionGone } from '../hub/event-hub.ts';
import { countingContext as context, countingView, recordOf } from './counting-view.fixture.ts';
import { foldRecords, keysOfRecords, startOf } from './fold-records.ts';
import { createMemoryViewStore } from './memory-view-store.ts';
import { RebuildRefused, rebuildView } from './rebuild-view.ts';
import { HistoryDamaged, type RecordHistory } from './record-history.ts';
import { createRedisViewStore } from './redis-view-store.ts';
import { asideName } from './set-aside.ts';
import type { ViewStore } from './view-store.ts';

type Counts = ViewStore<{ readonly count: number; readonly last: number }>;
const never = new AbortController().signal;

/** A hub with records of these keys, and a store whose live view was folded from them. */
async function open(keys: readonly string[], types: Readonly<Record<number, string>> = {}) {
  const hub = createMemoryLog()();
  const writer = await hub.writer('orders', never);
  let appended = 0;
  const append = async (...more: readonly string[]) => {
    const records = more.map((key) => recordOf(++appended, key, types[appended]));
    await writer.append(records.map(({ number: _, ...record }) => record));
  };
  await append(...keys);
  const records = async () => hub.read({ epoch: await hub.epoch(), number: 0 }, 10_000);
  const store: Counts = createMemoryViewStore();
  const live = async () => {
    const { epoch, first } = await hub.range();
    const { cursor } = await store.read([]);
    const begun = cursor ?? startOf(countingView, epoch, first);
    if (cursor === undefined)
      await store.update([], () => ({ cursor: begun, isCleared: true, states: new Map() }));
    const open = await hub.read(begun.position, 10_000);
    await store.update(keysOfRecords(countingView, open), (stored) =>
      foldRecords(countingView, open, epoch, stored, context),
    );
  };
  return { hub, append, records, store, live };
}

const rebuild = (store: Counts, hub: DurableEventHub, history?: RecordHistory) =>
  rebuildView({ view: countingView, store, hub, history, context, signal: never });

/** `whole` as it is now, in pages of two. */
function keep(all: readonly HubRecord[], first = 1): RecordHistory {
  const records = all.filter(({ number }) => number >= first);
  return {
    open: async () => ({
      first,
      last: records.at(-1)?.number ?? first - 1,
      pages: async function* () {
        for (let at = 0; at < records.length; at += 2) yield records.slice(at, at + 2);
      },
    }),
  };
}

const contents = async (store: Counts) => {
  const { cursor, states } = await store.read(['a', 'b', 'c', 'never']);
  return JSON.stringify([cursor, [...states]]);
};

/** Every `a` counts more than it should. */
const spoil = (store: Counts) =>
  store.update(['a'], ({ cursor }) => {
    assert.ok(cursor);
    const states = new Map(['a', 'never'].map((key) => [key, { count: 99, last: 1 }]));
    return { cursor, isCleared: false, states };
  });

describe('a view that is rebuilt', () => {
  test('from a history and what the hub has behind it is what it would be, while it goes on', async () => {
    const { hub, append, records, store, live } = await open(['a', 'b', 'a', 'c', 'a']);
    await live();
    const history = keep(await records());
    await append('b', 'c');
    await live();
    const whole = await contents(store);
    await spoil(store);
    await rebuild(store, hub, history);
    assert.equal(await contents(store), whole);
  });

  test('is not behind what was live, however often that goes on before the new one is there', async () => {
    const { hub, append, records, store, live } = await open(['a', 'b']);
    await live();
    let rounds = 0;
    const beside = store.beside;
    // Each time that it is about to take over, the live one is further.
    const racing: Counts = {
      ...store,
      beside: () => {
        const place = beside();
        const takeOver = async () => {
          rounds += 1;
          if (rounds <= 5) {
            await append('a');
            await live();
          }
          return place.takeOver();
        };
        return { ...place, takeOver };
      },
    };
    const { position } = await rebuild(racing, hub, keep(await records()));
    assert.deepEqual([position.number, rounds], [7, 6]);
    assert.equal((await store.read(['a'])).states.get('a')?.count, 6);
  });

  test('from a hub that has let go of records is whole by the history, and refused without', async () => {
    const { hub, append, records, store, live } = await open(['a', 'b', 'a']);
    await live();
    const kept = keep(await records());
    await append('c');
    await live();
    const whole = await contents(store);
    await hub.keepFor('lake', { epoch: await hub.epoch(), number: 3 });
    await hub.trim(Number.MAX_SAFE_INTEGER);
    assert.ok((await hub.range()).first > 1);
    await assert.rejects(rebuild(store, hub), (error) => error instanceof RebuildRefused);
    await assert.rejects(rebuild(store, hub, { open: async () => undefined }), /nothing of its epoch/);
    await assert.rejects(rebuild(store, hub, keep([recordOf(1, 'a')])), PositionGone);
    assert.equal(await contents(store), whole);
    await spoil(store);
    await rebuild(store, hub, kept);
    assert.equal(await contents(store), whole);
  });

  test('is refused where it would miss what the live one has', async () => {
    const { hub, append, records, store, live } = await open(['a', 'b', 'a']);
    await live();
    await append('c');
    const late = keep(await records(), 3);
    await hub.trim(Number.MAX_SAFE_INTEGER);
    const before = await contents(store);
    await assert.rejects(rebuild(store, hub, late), /what is known begins at 3: of orders something/);
    assert.equal(await contents(store), before);
  });

  test('sets the same events aside as the live one', async () => {
    const { hub, append, records, store, live } = await open(['a', 'b'], { 3: 'poison' });
    await append('a', 'a', 'b');
    await live();
    const before = await store.read(['a', 'b']);
    const [fault] = Object.values(before.cursor?.faults ?? {});
    assert.deepEqual([fault?.keys, fault?.waiting], [['a'], 1]);
    const names = Object.keys(before.cursor?.faults ?? {}).map((id) => asideName(id, 1));
    const aside = await store.readAside(names);
    await spoil(store);
    await rebuild(store, hub, keep((await records()).slice(0, 2)));
    assert.deepEqual(await store.read(['a', 'b']), before);
    assert.deepEqual(await store.readAside(names), aside);
  });

  test('stays as it was when the history is damaged, or nobody waits any more', async () => {
    const { hub, records, store, live } = await open(['a', 'b', 'a']);
    await live();
    const before = await contents(store);
    const all = await records();
    const damaged: RecordHistory = {
      open: async () => ({
        first: 1,
        last: 3,
        pages: async function* () {
          yield all.slice(0, 1);
          throw new HistoryDamaged('segment 2 is cut');
        },
      }),
    };
    await assert.rejects(rebuild(store, hub, damaged), /segment 2 is cut/);
    const leaving = new AbortController();
    const onProgress = () => leaving.abort(new Error('left'));
    const options = { view: countingView, store, hub, context, onProgress, signal: leaving.signal };
    await assert.rejects(rebuildView(options), /left/);
    assert.equal(await contents(store), before);
  });
});

describe('with Redis', {
  skip: findRedis() === undefined ? 'no redis-server or valkey-server on PATH' : undefined,
}, () => {
  let server: TestRedis | undefined;
  after(async () => server?.stop());

  test('a process that is killed while it rebuilds leaves the view as it was, and the next one does it', async () => {
    server = await startRedis();
    const redis = new Redis(server.url);
    const key = `portico:view:{${countingView.name}:${countingView.version}}`;
    const run = async (kill: 'killed' | 'ends') => {
      const program = fileURLToPath(new URL('./rebuild-process.fixture.ts', import.meta.url));
      const child = fork(program, [server?.url ?? '', kill], { stdio: 'inherit' });
      const [code, signal] = await once(child, 'exit');
      return signal ?? code;
    };
    const store = createRedisViewStore<{ count: number; last: number }>({ redis, view: countingView });
    const cursor = { position: { epoch: 'e0', number: 7, mark: 'm' }, gaps: {} };
    const states = new Map([['a', { count: 3, last: 7 }]]);
    await store.update([], () => ({ cursor, isCleared: true, states }));
    const before = await redis.hgetall(key);

    assert.equal(await run('killed'), 'SIGKILL');
    assert.deepEqual(await redis.hgetall(key), before);
    const left = (await redis.keys('*')).filter((name) => name !== key);
    assert.equal(left.length, 1);
    assert.ok((await redis.hlen(String(left[0]))) > 1, 'it was in the middle');
    assert.ok((await redis.ttl(String(left[0]))) <= 600);
    assert.ok((await redis.ttl(String(left[0]))) > 0);

    assert.equal(await run('ends'), 0);
    assert.equal((await store.read(['a'])).states.get('a')?.count, 50);
    assert.deepEqual(
      (await redis.keys('*')).filter((name) => name !== key),
      left,
    );
    redis.disconnect();
  });
});
