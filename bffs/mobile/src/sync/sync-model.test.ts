import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import fc from 'fast-check';
import { anySteps, operations, playSync, type Tally } from './sync-model.fixture.ts';

let shop: ShopServices;
before(async () => {
  shop = await startShopServices();
});
after(() => shop.close());

test('any interleaving of changes and syncs ends equal to a full fetch, and no phone has what is older than its position', async () => {
  const tally: Tally = new Map();
  const property = fc.asyncProperty(anySteps, (steps) => playSync(shop, steps, tally));
  await fc.assert(property, { numRuns: 30, seed: 20_261_123, endOnFailure: true });
  const seen = ['sync 200', 'sync 410', 'sync 503', 'upsert', 'delete', 'more', 'degraded', 'during a page'];
  for (const what of [...operations.map(([name]) => name), ...seen])
    assert.ok((tally.get(what) ?? 0) > 10, `${what}: ${tally.get(what)}`);
});
