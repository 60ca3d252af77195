import { test } from 'node:test';
import { endureOutage } from './outage.fixture.ts';
import { startShopUnderTest } from './shop-under-test.fixture.ts';

const products = ['p1', 'p2', 'p3', 'p4'];

for (const missing of ['hub', 'capture'] as const) {
  test(`as many commits as ten minutes at 100 a second, without ${missing}: nothing is stale, lost or doubled`, async (t) => {
    const shop = await startShopUnderTest(products.length);
    t.after(() => shop.close());
    await endureOutage(t, { shop, products, missing, commits: 30_000 });
  });
}
