import { test } from 'node:test';
import { startShopServices } from '@portico/testing/shop-services.ts';
import fc from 'fast-check';
import { anySteps, playSync } from './sync-model.fixture.ts';

const minutes = 2;

test('any interleaving of changes and syncs ends equal to a full fetch, for two minutes of new ones', async (t) => {
  const seed = Date.now() | 0;
  t.diagnostic(`seed ${seed}`);
  const shop = await startShopServices();
  const property = fc.asyncProperty(anySteps, (steps) => playSync(shop, steps, new Map()));
  try {
    await fc.assert(property, {
      seed,
      numRuns: Number.MAX_SAFE_INTEGER,
      interruptAfterTimeLimit: minutes * 60_000,
    });
  } finally {
    await shop.close();
  }
});
