import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { createCacheMetrics } from './cache-metrics.ts';
import type { CacheStore } from './cache-store.ts';
import type { FillMany } from './fill-keys.ts';
import { createMemoryStore } from './memory-store.fixture.ts';
import { createReadCache, type ReadCacheOptions } from './read-cache.ts';

const start = 1_000_000;
const prefix = 'ttl:1:';
let now = start;
beforeEach(() => {
  now = start;
});

const waiting = () => ({ signal: new AbortController().signal, sources: ['service'] });

/** A shared level that tells which keys it was asked for, without what stands before each for the kind of entry. */
function createLevel(name: string, changes: Partial<CacheStore> = {}) {
  const asked: string[][] = [];
  const store = { ...createMemoryStore({ now: () => now }), ...changes, name };
  const level: CacheStore = {
    ...store,
    getMany: (keys) => {
      asked.push(keys.map((key) => key.slice(prefix.length)));
      return store.getMany(keys);
    },
  };
  return { level, asked };
}

function createCache(options: Partial<ReadCacheOptions> = {}) {
  const cache = createReadCache({ maxBytes: 1_000_000, ttlMs: 1_000, now: () => now, ...options });
  /** What was read and how, without what it was made from. */
  const readMany = async <T>(...asked: Parameters<typeof cache.readMany<T>>) =>
    (await cache.readMany(...asked)).map((read) =>
      'error' in read ? read : { value: read.value, source: read.source, ageMs: read.ageMs },
    );
  return { ...cache, readMany };
}

/** A fill of one value for each key. */
const of =
  <T>(read: (signal: AbortSignal) => Promise<readonly T[]> | readonly T[]): FillMany<T> =>
  async (_keys, signal) =>
    (await read(signal)).map((value) => ({ value }));

/** A fill that gives each key a value, and tells which keys it was asked for. */
function createFill<T>(answer: (key: string) => T | Error) {
  const asked: string[][] = [];
  const fill: FillMany<T> = async (keys) => {
    asked.push([...keys]);
    return keys.map(answer).map((value) => (value instanceof Error ? value : { value }));
  };
  return { fill, asked };
}

test('a key is filled once and then answered from memory, until its time is over', async () => {
  const { readMany } = createCache();
  const { fill, asked } = createFill((key) => ({ key }));
  assert.deepEqual(await readMany(['a'], fill, waiting()), [
    { value: { key: 'a' }, source: 'fill', ageMs: 0 },
  ]);
  now += 999;
  assert.deepEqual(await readMany(['a'], fill, waiting()), [
    { value: { key: 'a' }, source: 'memory', ageMs: 999 },
  ]);
  now += 1;
  assert.deepEqual(await readMany(['a'], fill, waiting()), [
    { value: { key: 'a' }, source: 'fill', ageMs: 0 },
  ]);
  assert.deepEqual(asked, [['a'], ['a']]);
});

test('only what no level has is filled, in one call, and the answers keep the order of the keys', async () => {
  const redis = createLevel('redis');
  const { readMany } = createCache({ shared: redis.level });
  const other = createCache({ shared: redis.level });
  const { fill, asked } = createFill((key) => key.toUpperCase());
  await other.readMany(['b'], fill, waiting());
  await readMany(['a'], fill, waiting());
  for (const list of [redis.asked, asked]) list.splice(0);

  const reads = await readMany(['d', 'a', 'b', 'c', 'a'], fill, waiting());
  assert.deepEqual(
    reads.map((read) => 'value' in read && [read.value, read.source]),
    [
      ['D', 'fill'],
      ['A', 'memory'],
      ['B', 'redis'],
      ['C', 'fill'],
      ['A', 'memory'],
    ],
  );
  assert.deepEqual([redis.asked, asked], [[['d', 'b', 'c']], [['d', 'c']]]);
});

test('a second process finds in the shared level what the first has read', async () => {
  const shared = createLevel('redis').level;
  const { fill, asked } = createFill(() => 'value');
  for (const _process of [1, 2]) {
    await createCache({ shared }).readMany(['a', 'b'], fill, waiting());
  }
  assert.equal(asked.length, 1);
});

test('what comes from a lower level is kept above for the rest of its time, not longer', async () => {
  const shared = createLevel('redis').level;
  const { fill } = createFill(() => 'value');
  await createCache({ shared }).readMany(['a'], fill, waiting());
  now += 600;
  const { readMany } = createCache({ shared });
  const [first] = await readMany(['a'], fill, waiting());
  assert.deepEqual(first, { value: 'value', source: 'redis', ageMs: 600 });
  now += 399;
  const [second] = await readMany(['a'], fill, waiting());
  assert.deepEqual(second, { value: 'value', source: 'memory', ageMs: 999 });
  now += 1;
  const [third] = await readMany(['a'], fill, waiting());
  assert.deepEqual(third, { value: 'value', source: 'fill', ageMs: 0 });
});

test('an answer is as old as the beginning of its fill', async () => {
  const { readMany } = createCache();
  const slow = of(() => {
    now += 300;
    return ['value'];
  });
  await readMany(['a'], slow, waiting());
  const [read] = await readMany(['a'], slow, waiting());
  assert.deepEqual(read, { value: 'value', source: 'memory', ageMs: 300 });
});

test('an answer whose fill took longer than it may live is given and not kept', async () => {
  const { readMany } = createCache();
  let calls = 0;
  const slow = of(() => {
    now += 1_000;
    calls += 1;
    return [calls];
  });
  for (const expected of [1, 2]) {
    const [read] = await readMany(['a'], slow, waiting());
    assert.equal(read && 'value' in read && read.value, expected);
  }
});

test('the reader decides how old an answer may be, not the one who stored it', async () => {
  const shared = createLevel('redis').level;
  const { fill } = createFill(() => 'value');
  await createCache({ shared, ttlMs: 60_000 }).readMany(['a'], fill, waiting());
  now += 1_000;
  const [read] = await createCache({ shared, ttlMs: 1_000 }).readMany(['a'], fill, waiting());
  assert.equal(read?.source, 'fill');
});

test('an entry that another clock dates in the future is as good as new', async () => {
  const shared = createLevel('redis').level;
  const { fill } = createFill(() => 'value');
  await createCache({ shared, now: () => now + 50 }).readMany(['a'], fill, waiting());
  const [read] = await createCache({ shared }).readMany(['a'], fill, waiting());
  assert.deepEqual(read, { value: 'value', source: 'redis', ageMs: 0 });
});

test('that something does not exist is kept like any value', async () => {
  const { readMany } = createCache();
  const { fill, asked } = createFill(() => null);
  for (const source of ['fill', 'memory']) {
    assert.deepEqual(await readMany(['a'], fill, waiting()), [{ value: null, source, ageMs: 0 }]);
  }
  assert.equal(asked.length, 1);
});

test('a failed fill is the error of each of its keys, and not kept', async () => {
  const { readMany } = createCache();
  const error = new Error('the service is down');
  const { fill } = createFill((key) => key);
  await readMany(['a'], fill, waiting());
  const failed = await readMany(['a', 'b', 'c'], () => Promise.reject(error), waiting());
  assert.deepEqual(failed, [
    { value: 'a', source: 'memory', ageMs: 0 },
    { error, source: 'fill' },
    { error, source: 'fill' },
  ]);
  const [, second] = await readMany(['a', 'b'], fill, waiting());
  assert.deepEqual(second, { value: 'b', source: 'fill', ageMs: 0 });
});

test('an Error among the values is the error of its key alone, and not kept', async () => {
  const { readMany } = createCache();
  const error = new Error('this one failed');
  const { fill, asked } = createFill((key) => (key === 'b' ? error : key));
  const reads = await readMany(['a', 'b'], fill, waiting());
  assert.deepEqual(reads, [
    { value: 'a', source: 'fill', ageMs: 0 },
    { error, source: 'fill' },
  ]);
  await readMany(['a', 'b'], fill, waiting());
  assert.deepEqual(asked, [['a', 'b'], ['b']]);
});

test('a value that is no JSON is an error of its key alone', async () => {
  const { readMany } = createCache();
  const values: Record<string, unknown> = { a: 1, b: undefined, c: 2n, d: () => 1 };
  const { fill } = createFill((key) => values[key]);
  const reads = await readMany(['a', 'b', 'c', 'd'], fill, waiting());
  assert.deepEqual(
    reads.map((read) => 'error' in read && read.error instanceof TypeError),
    [false, true, true, true],
  );
});

test('a fill that gives too few or too many values is an error', async () => {
  const { readMany } = createCache();
  for (const values of [[], ['a', 'b', 'c']]) {
    const reads = await readMany(
      ['a', 'b'],
      of(() => values),
      waiting(),
    );
    for (const read of reads)
      assert.match(String('error' in read && read.error), /a fill of 2 keys gave \d values/);
  }
});

test('all readers have one value, which nobody can change', async () => {
  const shared = createLevel('redis').level;
  const original = { tags: [{ name: 'new' }] };
  const { fill } = createFill(() => original);
  const read = async (options: Partial<ReadCacheOptions>) => {
    const { readMany } = createCache(options);
    const answers = [
      ...(await Promise.all([readMany(['a'], fill, waiting()), readMany(['a'], fill, waiting())])).flat(),
      ...(await readMany(['a'], fill, waiting())),
    ];
    return answers.map((answer) => ('value' in answer ? answer.value : assert.fail()));
  };
  for (const values of [await read({ shared }), await read({ shared })]) {
    assert.equal(new Set(values).size, 1);
    for (const value of values) {
      assert.throws(() => value.tags.push({ name: 'more' }), TypeError);
      assert.throws(() => Object.assign(value.tags[0] ?? {}, { name: 'changed' }), TypeError);
    }
    assert.deepEqual(values[0], { tags: [{ name: 'new' }] });
  }
});

test('what a store has mixed up or did not get from us is a miss', async () => {
  const { level } = createLevel('redis');
  const { fill } = createFill((key) => `of ${key}`);
  await createCache({ shared: level }).readMany(['other'], fill, waiting());
  const [ofOther] = await level.getMany([`${prefix}other`]);
  const foreign = [
    '',
    'garbage',
    '{}',
    'null',
    '[1]',
    '"a"',
    '{"key":"a"}',
    '{"key":"ttl:1:a","readAt":1000000}',
    '{"key":"ttl:1:a","readAt":1000000,"value":1}',
    '\u00ff',
  ];
  for (const bytes of [ofOther, ...foreign.map((text) => Buffer.from(text, 'latin1'))]) {
    await level.setMany([{ key: `${prefix}a`, bytes: bytes ?? Buffer.alloc(0), ttlMs: 1_000 }]);
    const [read] = await createCache({ shared: level }).readMany(['a'], fill, waiting());
    assert.deepEqual(read, { value: 'of a', source: 'fill', ageMs: 0 }, String(bytes));
  }
});

test('readers at the same time share one fill, and say so', async () => {
  const { readMany } = createCache();
  const gate = Promise.withResolvers<void>();
  const { fill, asked } = createFill((key) => key);
  const slow: FillMany<string> = async (...asked) => {
    await gate.promise;
    return fill(...asked);
  };
  const readers = [readMany(['a', 'b'], slow, waiting()), readMany(['b', 'c'], slow, waiting())];
  gate.resolve();
  const sources = (await Promise.all(readers)).map((reads) => reads.map(({ source }) => source));
  assert.deepEqual(sources, [
    ['fill', 'fill'],
    ['joined', 'fill'],
  ]);
  assert.deepEqual(asked, [['a', 'b'], ['c']]);
});

test('a key that a level has does not wait for others of its batch that are filled', async () => {
  const { readMany } = createCache();
  const { fill } = createFill((key) => key);
  await readMany(['there'], fill, waiting());
  const gate = Promise.withResolvers<void>();
  const slow = readMany(
    ['there', 'missing'],
    of(() => gate.promise.then(() => ['value'])),
    waiting(),
  );
  assert.deepEqual(await readMany(['there'], fill, waiting()), [
    { value: 'there', source: 'memory', ageMs: 0 },
  ]);
  gate.resolve();
  await slow;
});

test('a reader who leaves ends a fill that nobody else waits for', async () => {
  const { readMany } = createCache();
  const leaving = new AbortController();
  const called = Promise.withResolvers<AbortSignal>();
  const fill: FillMany<string> = (_keys, signal) => {
    called.resolve(signal);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const read = readMany(['a'], fill, { ...waiting(), signal: leaving.signal });
  const fillSignal = await called.promise;
  const reason = new Error('the client has gone');
  leaving.abort(reason);
  await assert.rejects(read, reason);
  assert.ok(fillSignal.aborted);
});

test('nothing is filled when the last reader left during the look-up', async () => {
  const lookUp = Promise.withResolvers<undefined[]>();
  const { level } = createLevel('redis', { getMany: () => lookUp.promise });
  const { readMany } = createCache({ shared: level });
  const leaving = new AbortController();
  const { fill, asked } = createFill(() => 'value');
  const read = readMany(['a'], fill, { ...waiting(), signal: leaving.signal });
  leaving.abort(new Error('gone'));
  await assert.rejects(read);
  lookUp.resolve([undefined]);
  await nextTurn();
  assert.deepEqual(asked, []);
});

test('a fill has its own time', async () => {
  const { readMany } = createCache({ fillTimeoutMs: 1 });
  const fill: FillMany<string> = (_keys, signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const [read] = await readMany(['a'], fill, waiting());
  assert.match(String(read && 'error' in read && read.error), /time of this read is over/);
});

test('an answer does not wait for a store that is slow to write; closing does', async () => {
  const written = Promise.withResolvers<void>();
  let closed = false;
  const { level } = createLevel('redis', {
    setMany: () => written.promise,
    close: async () => {
      closed = true;
    },
  });
  const { readMany, close } = createCache({ shared: level });
  const { fill } = createFill(() => 'value');
  assert.equal((await readMany(['a'], fill, waiting())).length, 1);
  const closing = close();
  await nextTurn();
  assert.ok(!closed);
  written.resolve();
  await closing;
  assert.ok(closed);
});

test('a store that stopped writing gets no more than so many writes; the others get theirs', async () => {
  let begun = 0;
  const { level: stuck } = createLevel('redis', {
    setMany: () => {
      begun += 1;
      return new Promise(() => {});
    },
  });
  const { readMany } = createCache({ shared: stuck, maxPendingWrites: 2 });
  const { fill } = createFill((key) => key);
  const keys = [...'abcde'];
  for (const key of keys) await readMany([key], fill, waiting());
  assert.equal(begun, 2);
  const reads = await readMany(keys, fill, waiting());
  assert.ok(reads.every(({ source }) => source === 'memory'));
});

test('without a shared level it still shares fills', async () => {
  const { readMany } = createCache();
  const { fill, asked } = createFill((key) => key);
  await Promise.all([readMany(['a'], fill, waiting()), readMany(['a'], fill, waiting())]);
  assert.equal(asked.length, 1);
});

test('keys are counted by how they were answered', async () => {
  const metrics = createCacheMetrics(createMetrics('test'));
  const { readMany } = createCache({ metrics });
  const { fill } = createFill((key) => (key === 'bad' ? new Error('bad') : key));
  await Promise.all([readMany(['a', 'b', 'bad'], fill, waiting()), readMany(['b'], fill, waiting())]);
  await readMany(['a', 'b'], fill, waiting());
  const { values } = await metrics.reads.get();
  assert.deepEqual(Object.fromEntries(values.map(({ labels, value }) => [labels.answer, value])), {
    fill: 2,
    failed: 1,
    joined: 1,
    memory: 2,
  });
});
