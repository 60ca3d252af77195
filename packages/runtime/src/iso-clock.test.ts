import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIsoClock } from './iso-clock.ts';

test('the time is written as Date writes it, across the ends of seconds, and when the clock is set back', () => {
  let time = 0;
  const iso = createIsoClock(() => time);
  for (time of [0, 7, 42, 999, 1_000, 1_767_225_599_999, 1_767_225_600_000, 1_767_225_599_998]) {
    assert.equal(iso(), new Date(time).toISOString());
  }
});
