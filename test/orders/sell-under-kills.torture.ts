import { test } from 'node:test';
import { startShopUnderTest } from '../history/shop-under-test.fixture.ts';
import { sellUnderKills } from './sell-under-kills.fixture.ts';

const products = Array.from({ length: 50 }, (_, index) => `p${index + 1}`);
const customers = Array.from({ length: 200 }, (_, index) => `c${index + 1}`);

/** `ORDERS_SEED` throws the same dice again. */
const { ORDERS_SEED: seed = String(Date.now() % 2 ** 31) } = process.env;

test('of 2,000 orders with everything killed at random each ends, and all books agree', async (t) => {
  const shop = await startShopUnderTest(products.length, { sells: true });
  t.after(() => shop.close());
  await sellUnderKills(t, {
    shop,
    products,
    customers,
    count: 2_000,
    seconds: 900,
    seed: Number(seed),
    // Far more than two cores bear with everything on them: most of what is asked is refused at first.
    concurrency: customers.length,
    followed: 50,
  });
});
