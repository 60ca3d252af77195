import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type LeftOut, operations, play, stepsWith, type Tally } from './coherence-model.fixture.ts';

const seed = 20_250_601;

test('no interleaving gives an answer that is too old, that was overtaken, or that goes back', async () => {
  const tally: Tally = new Map();
  const property = fc.asyncProperty(stepsWith(), (steps) => play(steps, undefined, tally));
  await fc.assert(property, { numRuns: 1_000, seed });
  for (const [name] of operations) assert.ok((tally.get(name) ?? 0) > 100, `${name} was hardly tried`);
  for (const answer of ['memory', 'shared', 'fill', 'joined', 'failed']) {
    assert.ok((tally.get(answer) ?? 0) > 300, `${answer} was hardly ever an answer`);
  }
});

const leavingOut: readonly LeftOut[] = [
  'fence check',
  'visibility check',
  'epoch',
  'replica identity full',
  'join rule',
  'what was seen',
];

for (const leftOut of leavingOut) {
  test(`the model finds what breaks without this: ${leftOut}`, async () => {
    // Only what outlives a log shows what an epoch is for.
    const steps = stepsWith(leftOut === 'epoch' ? { restore: 8, capture: 30, deliver: 30 } : {});
    const property = fc.asyncProperty(steps, (some) => play(some, leftOut, new Map()));
    const { failed, errorInstance } = await fc.check(property, { numRuns: 10_000, seed, endOnFailure: true });
    assert.ok(failed);
    assert.match(String(errorInstance), /guarantee [123]: /);
  });
}
