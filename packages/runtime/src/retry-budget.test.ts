import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRetryBudget } from './retry-budget.ts';

test('when every call fails, retries are a tenth of the calls and no more', () => {
  const budget = createRetryBudget(0.1);
  let retries = 0;
  for (let calls = 1; calls <= 10_000; calls += 1) {
    budget.countCall();
    while (budget.takeRetry()) retries += 1;
    assert.ok(retries <= Math.ceil(calls / 10), `${retries} retries after ${calls} calls`);
  }
  assert.equal(retries, 1_000);
});

test('the very first call may be tried again', () => {
  const budget = createRetryBudget();
  budget.countCall();
  assert.equal(budget.takeRetry(), true);
  assert.equal(budget.takeRetry(), false);
});

test('what was saved in good times is bounded', () => {
  const budget = createRetryBudget(0.1, 10);
  for (let calls = 0; calls < 100_000; calls += 1) budget.countCall();
  let retries = 0;
  while (budget.takeRetry()) retries += 1;
  assert.equal(retries, 10);
});
