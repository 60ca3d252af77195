import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDownstream } from './downstream.ts';

test('calls side by side count as two, and their common time once', () => {
  let clock = 0;
  const downstream = createDownstream(() => clock);
  const endFirst = downstream.begin();
  clock = 10;
  const endSecond = downstream.begin();
  clock = 30;
  endFirst();
  clock = 50;
  endSecond();
  clock = 100;
  const endThird = downstream.begin();
  clock = 101;
  endThird();
  assert.deepEqual([downstream.calls, downstream.durationMs], [3, 51]);
});
