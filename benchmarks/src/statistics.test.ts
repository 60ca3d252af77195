import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, quantile } from './statistics.ts';

test('the median stands in the middle, whatever the order', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test('quantiles are interpolated', () => {
  assert.equal(quantile([10, 20], 0.25), 12.5);
  assert.equal(quantile([3], 0.75), 3);
});
