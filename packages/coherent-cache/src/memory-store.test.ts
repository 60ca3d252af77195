import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeCacheStore } from './cache-store.contract.ts';
import { createMemoryStore } from './memory-store.ts';

let now = 1_000_000;
const entry = (key: string, size = 1_000) => ({ key, bytes: new Uint8Array(size), ttlMs: 1_000 });

describeCacheStore('memory', {
  open: async () => createMemoryStore({ maxBytes: 10_000_000, now: () => now }),
  untilOver: async (_store, _key, ttlMs) => {
    now += ttlMs;
  },
});

test('an entry is there to the last millisecond of its time', async () => {
  const store = createMemoryStore({ maxBytes: 10_000, now: () => now });
  await store.setMany([entry('k')]);
  now += 999;
  assert.notEqual((await store.getMany(['k']))[0], undefined);
  now += 1;
  assert.equal((await store.getMany(['k']))[0], undefined);
});

test('entries that were used least recently make room', async () => {
  const store = createMemoryStore({ maxBytes: 5_000, now: () => now });
  await store.setMany([entry('a'), entry('b'), entry('c')]);
  await store.getMany(['a']);
  await store.setMany([entry('d')]);
  const found = await store.getMany(['a', 'b', 'c', 'd']);
  assert.deepEqual(
    found.map((bytes) => bytes !== undefined),
    [true, false, true, true],
  );
});

test('keys and small values count with what they really take', async () => {
  const store = createMemoryStore({ maxBytes: 100_000, now: () => now });
  const many = Array.from({ length: 1_000 }, (_, number) => `${'k'.repeat(500)}${number}`);
  await store.setMany(many.map((key) => entry(key, 1)));
  const kept = (await store.getMany(many)).filter((bytes) => bytes !== undefined).length;
  assert.ok(kept > 50 && kept < 100, `${kept} entries of about 1 kB are kept in 100 kB`);
});

test('an entry larger than the whole store is left out, and takes nothing with it', async () => {
  const store = createMemoryStore({ maxBytes: 5_000, now: () => now });
  await store.setMany([entry('small'), entry('large', 6_000)]);
  const [small, large] = await store.getMany(['small', 'large']);
  assert.notEqual(small, undefined);
  assert.equal(large, undefined);
});

test('a value does not keep alive the buffer that it was cut from', async () => {
  const store = createMemoryStore({ maxBytes: 5_000, now: () => now });
  await store.setMany([{ key: 'k', bytes: Buffer.alloc(64_000).subarray(10, 20), ttlMs: 1_000 }]);
  const [bytes] = await store.getMany(['k']);
  assert.equal(bytes?.buffer.byteLength, 10);
});
