import { test } from 'node:test';
import { endureHubOutage } from './hub-outage.fixture.ts';
import { startShopUnderTest } from './shop-under-test.fixture.ts';

const products = ['p1', 'p2', 'p3', 'p4'];

test('after as many commits as ten minutes of 100 a second have, without the hub, nothing is lost or stale', async (t) => {
  const shop = await startShopUnderTest(products.length);
  t.after(() => shop.close());
  await endureHubOutage(t, { shop, products, commits: 30_000 });
});
