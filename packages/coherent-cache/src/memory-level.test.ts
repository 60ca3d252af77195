import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeCacheStore } from './cache-store.contract.ts';
import { createMemoryLevel } from './memory-level.ts';
import { createMemoryStore } from './memory-store.fixture.ts';

let now = 1_000_000;
describeCacheStore('memory, for tests', {
  open: async () => createMemoryStore({ now: () => now }),
  untilOver: async (_store, _key, ttlMs) => {
    now += ttlMs;
  },
});

const entryOf = (value: unknown) => ({ value, readAt: 0, sources: [], tags: [], fence: 1, seen: [] });

test('an entry comes back as the very same object', () => {
  const level = createMemoryLevel({ maxBytes: 10_000 });
  const entry = entryOf({ id: 'p1' });
  level.set('k', entry, 10);
  assert.equal(level.get('k'), entry);
});

test('entries that were used least recently make room', () => {
  const level = createMemoryLevel({ maxBytes: 5_000 });
  for (const key of 'abc') level.set(key, entryOf(key), 500);
  level.get('a');
  level.set('d', entryOf('d'), 500);
  assert.deepEqual(
    [...'abcd'].map((key) => level.get(key) !== undefined),
    [true, false, true, true],
  );
});

test('keys and small values count with what they really take', () => {
  const level = createMemoryLevel({ maxBytes: 100_000 });
  const many = Array.from({ length: 1_000 }, (_, number) => `${'k'.repeat(500)}${number}`);
  for (const key of many) level.set(key, entryOf(1), 1);
  const kept = many.filter((key) => level.get(key) !== undefined).length;
  assert.ok(kept > 50 && kept < 100, `${kept} entries of about 1 kB are kept in 100 kB`);
});

test('an entry larger than the whole level is left out, and takes nothing with it', () => {
  const level = createMemoryLevel({ maxBytes: 5_000 });
  level.set('small', entryOf(1), 10);
  level.set('large', entryOf(2), 6_000);
  assert.notEqual(level.get('small'), undefined);
  assert.equal(level.get('large'), undefined);
});
