import { test } from 'node:test';
import { findRedis } from '@portico/testing/engines.ts';
import { startShopUnderTest } from '../history/shop-under-test.fixture.ts';
import { sellUnderKills } from './sell-under-kills.fixture.ts';

const products = Array.from({ length: 10 }, (_, index) => `p${index + 1}`);
const customers = Array.from({ length: 20 }, (_, index) => `c${index + 1}`);
const skip = findRedis() === undefined ? 'no Redis on this machine' : false;

test('of the orders of 20 seconds with everything killed at random each ends, and all books agree', {
  skip,
  timeout: 180_000,
}, async (t) => {
  const shop = await startShopUnderTest(products.length, { sells: true });
  t.after(() => shop.close());
  const seed = Date.now() % 2 ** 31;
  await sellUnderKills(t, {
    shop,
    products,
    customers,
    count: 400,
    seconds: 20,
    seed,
    concurrency: 20,
    followed: 100,
  });
});
