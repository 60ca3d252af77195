import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createFillLimit } from './fill-limit.ts';

const staying = new AbortController().signal;
const isOpen = async (entering: Promise<unknown>) =>
  (await Promise.race([entering, nextTurn('waits')])) !== 'waits';

test('so many enter, and the next ones in their order as places are given back', async () => {
  const limit = createFillLimit(2);
  const leave = await limit.enter(staying);
  await limit.enter(staying);
  const third = limit.enter(staying);
  const fourth = limit.enter(staying);
  assert.deepEqual([await isOpen(third), await isOpen(fourth)], [false, false]);
  leave();
  assert.deepEqual([await isOpen(third), await isOpen(fourth)], [true, false]);
  (await third)();
  assert.ok(await isOpen(fourth));
});

test('who leaves while waiting takes no place, not even one that was just given to him', async () => {
  const limit = createFillLimit(1);
  const leave = await limit.enter(staying);
  const [early, late] = [new AbortController(), new AbortController()];
  const left = [limit.enter(early.signal), limit.enter(late.signal)];
  early.abort(new Error('early'));
  leave();
  late.abort(new Error('late'));
  const outcomes = await Promise.allSettled(left);
  assert.equal(outcomes[0]?.status, 'rejected');
  if (outcomes[1]?.status === 'fulfilled') outcomes[1].value();
  assert.ok(await isOpen(limit.enter(staying)));
  await assert.rejects(limit.enter(AbortSignal.abort(new Error('gone'))), /gone/);
});
