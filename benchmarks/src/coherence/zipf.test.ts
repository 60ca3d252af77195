import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createZipf } from './zipf.ts';

test('the first of three is asked for twice as often as the second and three times as often as the third', () => {
  const steps = 1_100;
  let step = -0.5;
  const next = createZipf(3, () => {
    step += 1;
    return step / steps;
  });
  const asked = Array.from({ length: steps }, next);
  const counts = [1, 2, 3].map((number) => asked.filter((each) => each === number).length);
  assert.deepEqual(counts, [600, 300, 200]);
});
