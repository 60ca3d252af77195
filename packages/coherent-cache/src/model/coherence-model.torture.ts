import { test } from 'node:test';
import fc from 'fast-check';
import { play, stepsWith } from './coherence-model.fixture.ts';

const minutes = 2;

test('no interleaving breaks a guarantee, for two minutes of new ones', async (t) => {
  const seed = Date.now() | 0;
  t.diagnostic(`seed ${seed}`);
  const property = fc.asyncProperty(stepsWith(), (steps) => play(steps, undefined, new Map()));
  await fc.assert(property, {
    seed,
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: minutes * 60_000,
  });
});
