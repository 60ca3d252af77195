import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createPlaces } from './places.ts';

const staying = new AbortController().signal;
const isOpen = async (entering: Promise<unknown>) =>
  (await Promise.race([entering, nextTurn('waits')])) !== 'waits';

test('so many enter, and the next ones in their order as places are given back', async () => {
  const places = createPlaces(2);
  const leave = await places.enter(staying);
  await places.enter(staying);
  const third = places.enter(staying);
  const fourth = places.enter(staying);
  assert.deepEqual([await isOpen(third), await isOpen(fourth)], [false, false]);
  leave();
  assert.deepEqual([await isOpen(third), await isOpen(fourth)], [true, false]);
  (await third)();
  assert.ok(await isOpen(fourth));
});

test('of those who wait there are so many at the most', async () => {
  const places = createPlaces(1, 1);
  const leave = await places.enter(staying);
  const second = places.enter(staying);
  await assert.rejects(places.enter(staying), { name: 'NoPlace' });
  leave();
  assert.ok(await isOpen(second));
});

test('who leaves while waiting takes no place, not even one that was just given to him', async () => {
  const places = createPlaces(1);
  const leave = await places.enter(staying);
  const [early, late] = [new AbortController(), new AbortController()];
  const left = [places.enter(early.signal), places.enter(late.signal)];
  early.abort(new Error('early'));
  leave();
  late.abort(new Error('late'));
  const outcomes = await Promise.allSettled(left);
  assert.equal(outcomes[0]?.status, 'rejected');
  if (outcomes[1]?.status === 'fulfilled') outcomes[1].value();
  assert.ok(await isOpen(places.enter(staying)));
  await assert.rejects(places.enter(AbortSignal.abort(new Error('gone'))), /gone/);
});
