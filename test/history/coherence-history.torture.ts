import { test } from 'node:test';
import { runHistory } from './run-history.fixture.ts';
import { startShopUnderTest } from './shop-under-test.fixture.ts';

const products = Array.from({ length: 50 }, (_, index) => `p${index + 1}`);

/** `HISTORY_SECONDS` and `HISTORY_SEED` make it longer, or throw the same dice again. */
const { HISTORY_SECONDS: seconds = '60', HISTORY_SEED: seed = String(Date.now() % 2 ** 31) } = process.env;

test(`${seconds} seconds under kills and cut streams show nothing stale, backward or lost`, async (t) => {
  const shop = await startShopUnderTest(products.length);
  t.after(() => shop.close());
  // Who starts anew takes seconds of a core, in which little is read.
  const rest = { killsMs: 10_000, cutsMs: 5_000 };
  await runHistory(t, { shop, products, seconds: Number(seconds), seed: Number(seed), rest });
});
