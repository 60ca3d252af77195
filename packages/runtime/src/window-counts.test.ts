import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWindowCounts } from './window-counts.ts';

test('each key is counted from its first on, and anew when its window is over', () => {
  let now = 0;
  const counts = createWindowCounts({ windowMs: 1_000, maxKeys: 10, now: () => now });
  assert.deepEqual(counts.of('a'), { count: 0, endsAt: 1_000 });
  counts.add('a');
  now = 999;
  assert.deepEqual(counts.add('a'), { count: 2, endsAt: 1_000 });
  assert.equal(counts.add('b').count, 1);
  now = 1_000;
  assert.equal(counts.of('a').count, 0);
  assert.deepEqual(counts.add('a'), { count: 1, endsAt: 2_000 });
  assert.equal(counts.of('b').count, 1);
  counts.clear('b');
  assert.equal(counts.of('b').count, 0);
});

test('of any number of keys those that began last are kept', () => {
  const counts = createWindowCounts({ windowMs: 1_000, maxKeys: 100, now: () => 0 });
  for (let n = 0; n < 1_000; n += 1) counts.add(`key ${n}`);
  const kept = Array.from({ length: 1_000 }, (_, n) => counts.of(`key ${n}`).count);
  assert.deepEqual(kept, [...Array(900).fill(0), ...Array(100).fill(1)]);
});
