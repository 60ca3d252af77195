/** A thousand commands on the whole shop, each read at once through another instance. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCoherentShop } from './coherent-shop.fixture.ts';
import { countStale, untilWarm } from './read-your-writes.fixture.ts';

test('of 1,000 commands none is missing in the read that follows with its token', async (t) => {
  const shop = await startCoherentShop();
  t.after(shop.stop);
  await untilWarm(shop);
  const without = await countStale(shop, 1_000, false);
  t.diagnostic(`without the token ${without} of 1,000 reads were stale`);
  assert.equal(await countStale(shop, 1_000, true), 0);
});
