import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChangeNode, Requirement } from '@portico/change-stream/node/change-node.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import {
  type Connection,
  createSimulatedHub,
  type SimulatedHub,
} from '@portico/change-stream/node/simulated-hub.fixture.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { createCacheMetrics } from './cache-metrics.ts';
import type { Answer, FillMany } from './fill-keys.ts';
import { createMemoryStore } from './memory-store.fixture.ts';
import { createReadCache, type ReadCacheOptions } from './read-cache.ts';

const ttlMs = 1_000;
let now = 1_000_000;
let hub: SimulatedHub;
const opened: { readonly node: ChangeNode; readonly connection: Connection }[] = [];
beforeEach(() => {
  hub = createSimulatedHub();
  beat();
});
afterEach(async () => {
  for (const { node } of opened.splice(0)) await node.close();
});

const beat = (source = 'catalog') =>
  hub.say({ source, xmin: '1', committedAt: now, offset: { log: source, at: '0' } });
const deliver = async () => {
  for (const { connection } of opened) await connection.deliver(100, 0);
  await nextTurn();
};
const change = async (...keys: string[]) => {
  const at = String(hub.size() + 1);
  const data = { before: null, after: null };
  const events = keys.map((key) => ({ id: at, type: 'product-changed', key, data }));
  hub.append({ source: 'catalog', offset: { log: 'catalog', at }, xid: `${at}0`, committedAt: now, events });
  await deliver();
};
const pass = async (ms: number) => {
  now += ms;
  beat();
  await deliver();
};

async function start(options: Partial<ReadCacheOptions> = {}) {
  const connection = hub.connect();
  const node = createChangeNode({
    hub: connection.hub,
    sources: [{ source: 'catalog', tables: [], toEvents: () => [], tagsOf: ({ key }) => [`product:${key}`] }],
    boundMs: 2_000,
    clockSkewMs: 0,
    windowRecords: 5,
    log: silentLogger,
    now: () => now,
    steadyNow: () => now,
  });
  opened.push({ node, connection });
  const metrics = createCacheMetrics(createMetrics('test'));
  const cache = createReadCache({ maxBytes: 1_000_000, ttlMs, now: () => now, node, metrics, ...options });
  await nextTurn();
  return { node, cache, metrics };
}

/** A service whose answers tell how often it was asked. */
function createService(changes: Partial<Answer<string>> = {}) {
  const asked: string[] = [];
  const fill: FillMany<string> = async (keys) =>
    keys.map((key) => {
      asked.push(key);
      return { value: `${key} ${asked.length}`, tags: [`product:${key}`], ...changes };
    });
  return { fill, asked };
}
const reading = (requires?: Requirement, sources = ['catalog']) => ({
  signal: new AbortController().signal,
  sources,
  requires,
});
const sight = () => ({ source: 'catalog', at: now });

test('an answer is given again, whatever its age, until something that it was made from changes', async () => {
  const { cache } = await start();
  const { fill, asked } = createService();
  await cache.readMany(['p1', 'p2'], fill, reading());
  for (let minute = 0; minute < 10; minute += 1) await pass(60_000);
  const reads = await cache.readMany(['p1', 'p2'], fill, reading());
  assert.deepEqual(
    reads.map((read) => [read.source, 'value' in read && read.ageMs]),
    [
      ['memory', 600_000],
      ['memory', 600_000],
    ],
  );
  await change('p2');
  await cache.readMany(['p1', 'p2'], fill, reading());
  assert.deepEqual(asked, ['p1', 'p2', 'p2']);
});

test('a read says up to where it is good, and what it may have shown beyond that', async () => {
  const { cache } = await start();
  const { fill } = createService();
  await change('p9');
  const [filled] = await cache.readMany(['p1'], fill, reading());
  const fence = { epoch: 'epoch 1', number: 1 };
  assert.partialDeepStrictEqual(filled, { value: 'p1 1', source: 'fill', ageMs: 0, fence, seen: [sight()] });
  await change('p9');
  const [early] = await cache.readMany(['p1'], fill, reading());
  assert.deepEqual(early && 'seen' in early && early.seen, [sight()]);
  await pass(1);
  const [late] = await cache.readMany(['p1'], fill, reading());
  const applied = { epoch: 'epoch 1', number: 2 };
  assert.partialDeepStrictEqual(late, {
    value: 'p1 1',
    source: 'memory',
    ageMs: 1,
    fence: applied,
    seen: [],
  });
});

test('what is asked for outlives the window of changes, in this process; what is not is read again', async () => {
  const shared = createMemoryStore({ now: () => now });
  const { cache } = await start({ shared });
  const { fill, asked } = createService();
  await cache.readMany(['hot', 'cold'], fill, reading());
  for (let at = 0; at < 20; at += 1) {
    await change('p9');
    await cache.readMany(['hot'], fill, reading());
  }
  await cache.readMany(['hot', 'cold'], fill, reading());
  assert.deepEqual(asked, ['hot', 'cold', 'cold']);
});

test('another process takes what is current from the shared level, and nothing that changed since', async () => {
  const shared = createMemoryStore({ now: () => now });
  const one = await start({ shared });
  const other = await start({ shared });
  const { fill, asked } = createService();
  await one.cache.readMany(['p1', 'p2'], fill, reading());
  await change('p2');
  const reads = await other.cache.readMany(['p1', 'p2'], fill, reading());
  assert.deepEqual(
    reads.map(({ source }) => source),
    ['shared', 'fill'],
  );
  assert.deepEqual(asked, ['p1', 'p2', 'p2']);
});

test('while a source is not trusted every read asks it: one at a time for a key, so many at a time for all', async () => {
  const { cache } = await start({ maxDistrustedFills: 2 });
  const gate = Promise.withResolvers<void>();
  const { fill, asked } = createService();
  const slow: FillMany<string> = async (keys, signal, deadline) => {
    const answers = await fill(keys, signal, deadline);
    await gate.promise;
    return answers;
  };
  await cache.readMany(['p1'], fill, reading());
  now += 2_001;
  const reads = ['p1', 'p1', 'p2', 'p3', 'p4', 'p1'].map((key) => cache.readMany([key], slow, reading()));
  await nextTurn();
  assert.deepEqual(asked, ['p1', 'p1', 'p2']);
  gate.resolve();
  const sources = (await Promise.all(reads)).map(([read]) => read?.source);
  assert.deepEqual(sources, ['fill', 'joined', 'fill', 'fill', 'fill', 'joined']);
  await pass(0);
  const [after] = await cache.readMany(['p1'], fill, reading());
  assert.equal(after?.source, 'memory');
});

test('a whole takes no place that its parts need', async () => {
  const { cache } = await start({ maxDistrustedFills: 1 });
  const { fill } = createService();
  now += 2_001;
  const whole: FillMany<string> = async (keys, signal) => {
    const parts = await cache.readMany(['part'], fill, { ...reading(), signal });
    return keys.map((key) => ({ value: `${key} of ${parts.length}` }));
  };
  const [read] = await cache.readMany(['page'], whole, { ...reading(), isWhole: true });
  assert.equal(read && 'value' in read && read.value, 'page of 1');
});

test('a read waits a moment until what its reader has to see is applied', async () => {
  const { cache } = await start({ requirementWaitMs: 60_000 });
  const { fill } = createService();
  await cache.readMany(['p1'], fill, reading());
  const commits = [{ source: 'catalog', xid: '10' }];
  const read = cache.readMany(['p1'], fill, reading({ position: undefined, commits, seen: [] }));
  await change('p9');
  const [answer] = await read;
  assert.equal(answer?.source, 'memory');
});

test('past that it goes round the caches, and joins nobody who began before', async () => {
  const { cache } = await start({ requirementWaitMs: 0 });
  const { fill } = createService();
  await cache.readMany(['p1'], fill, reading());
  const gate = Promise.withResolvers<void>();
  const slow: FillMany<string> = async (keys, signal, deadline) => {
    await gate.promise;
    return fill(keys, signal, deadline);
  };
  const before = cache.readMany(['p2'], slow, reading());
  await nextTurn();
  for (const requires of [
    { position: { epoch: 'epoch 1', number: 1 }, commits: [], seen: [] },
    { position: undefined, commits: [{ source: 'catalog', xid: '10' }], seen: [] },
    { position: undefined, commits: [], seen: [sight()] },
    { position: { epoch: 'another', number: 0 }, commits: [], seen: [] },
  ]) {
    const reads = await cache.readMany(['p1', 'p2', 'p2'], fill, reading(requires));
    assert.deepEqual(
      reads.map(({ source }) => source),
      ['fill', 'fill', 'fill'],
    );
  }
  const others = { position: undefined, commits: [{ source: 'reviews', xid: '10' }], seen: [] };
  const [ofAnother] = await cache.readMany(['p1'], fill, reading(others));
  assert.equal(ofAnother?.source, 'memory');
  gate.resolve();
  assert.equal((await before)[0]?.source, 'fill');
});

test('who arrives after a change takes what somebody began to read before it only if that is still current', async () => {
  const { cache } = await start();
  const gate = Promise.withResolvers<void>();
  const { fill, asked } = createService();
  const slow: FillMany<string> = async (keys, signal, deadline) => {
    const answers = await fill(keys, signal, deadline);
    await gate.promise;
    return answers;
  };
  const first = cache.readMany(['p1', 'p2'], slow, reading());
  await nextTurn();
  await change('p1');
  const second = cache.readMany(['p1', 'p2'], slow, reading());
  await nextTurn();
  gate.resolve();
  await first;
  assert.deepEqual(
    (await second).map((read) => 'value' in read && [read.value, read.source]),
    [
      ['p1 3', 'fill'],
      ['p2 2', 'joined'],
    ],
  );
  assert.deepEqual(asked, ['p1', 'p2', 'p1']);
});

test('who waits for another key is told what the first one can have shown by the fence that it was read at', async () => {
  const { cache } = await start();
  const gate = Promise.withResolvers<void>();
  const { fill } = createService();
  const slow: FillMany<string> = async (keys, signal, deadline) => {
    await gate.promise;
    return fill(keys, signal, deadline);
  };
  const before = cache.readMany(['slow'], slow, reading());
  const both = cache.readMany(['fast', 'slow'], fill, reading());
  await nextTurn();
  now += 1;
  await change('p9');
  const [stamped] = await cache.readMany(['fast'], fill, reading());
  assert.deepEqual(stamped && 'seen' in stamped && [stamped.fence?.number, stamped.seen], [1, []]);
  gate.resolve();
  await before;
  const [fast] = await both;
  const seen = [{ source: 'catalog', at: now - 1 }];
  assert.deepEqual(fast && 'seen' in fast && [fast.fence?.number, fast.seen], [0, seen]);
});

test('a source that says nothing lives by its time, beside one whose changes are followed', async () => {
  const { cache } = await start();
  const { fill } = createService();
  const read = async (...sources: string[]) =>
    (await cache.readMany([sources.join()], fill, reading(undefined, sources)))[0];
  const byTime = { sources: ['reviews'], leftMs: ttlMs };
  assert.partialDeepStrictEqual(await read('reviews'), { source: 'fill', ageMs: 0, byTime });
  await read('catalog');
  await read('catalog', 'reviews');
  await pass(ttlMs - 1);
  const late = { source: 'memory', ageMs: ttlMs - 1, byTime: { sources: ['reviews'], leftMs: 1 } };
  assert.partialDeepStrictEqual(await read('reviews'), late);
  assert.partialDeepStrictEqual(await read('catalog', 'reviews'), late);
  await pass(1);
  assert.equal((await read('reviews'))?.source, 'fill');
  assert.equal((await read('catalog', 'reviews'))?.source, 'fill');
  assert.equal((await read('catalog'))?.source, 'memory');
});

test('nothing is kept that must not be, or that nobody can say when it is old', async () => {
  const { cache } = await start();
  const foreign = { fence: { epoch: 'another', number: 0 } };
  for (const [at, answer] of [{ keep: false }, { tags: undefined }, foreign].entries()) {
    const { fill } = createService();
    const untagged: FillMany<string> = async (keys, signal, deadline) =>
      (await fill(keys, signal, deadline)).map((each) => ({ ...each, ...answer }) as Answer<string>);
    for (const _time of [1, 2]) {
      const [read] = await cache.readMany([`p${at}`], untagged, reading());
      assert.equal(read?.source, 'fill');
    }
  }
});

test('nothing is kept before the window of changes is loaded', async () => {
  const connection = hub.connect();
  connection.cut();
  const node = createChangeNode({
    hub: connection.hub,
    sources: [],
    log: silentLogger,
    now: () => now,
    steadyNow: () => now,
  });
  opened.push({ node, connection });
  const cache = createReadCache({ maxBytes: 1_000_000, ttlMs, now: () => now, node });
  const { fill, asked } = createService();
  for (const _time of [1, 2]) await cache.readMany(['p1'], fill, reading());
  assert.deepEqual(asked, ['p1', 'p1']);
});

test('a whole is as old as its oldest part', async () => {
  const { cache } = await start();
  await change('p1');
  await change('p9');
  const { fill, asked } = createService({ fence: { epoch: 'epoch 1', number: 0 } });
  for (const key of ['p1', 'p2']) await cache.readMany([key], fill, reading());
  const reads = await cache.readMany(['p1', 'p2'], fill, reading());
  assert.deepEqual(
    reads.map(({ source }) => source),
    ['fill', 'memory'],
  );
  assert.deepEqual(asked, ['p1', 'p2', 'p1']);
});

test('misses are counted by their reason', async () => {
  const { cache, metrics } = await start({ requirementWaitMs: 0 });
  const { fill } = createService();
  const read = (key: string, requires?: Requirement, sources?: string[]) =>
    cache.readMany([key], fill, reading(requires, sources));
  await read('p1');
  await read('timed', undefined, ['reviews']);
  await read('old');
  await change('p1');
  await read('p1');
  await read('p1', { position: undefined, commits: [], seen: [sight()] });
  for (let at = 0; at < 20; at += 1) await change('p9');
  await read('old');
  now += 2_001;
  await read('old');
  await read('timed', undefined, ['reviews']);
  const { values } = await metrics.misses.get();
  assert.deepEqual(Object.fromEntries(values.map(({ labels, value }) => [labels.reason, value])), {
    absent: 3,
    changed: 1,
    bypassed: 1,
    window: 1,
    distrusted: 1,
    expired: 1,
  });
});
