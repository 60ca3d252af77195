/** What clients see from outside, while everything that can die dies and every stream is cut. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { findRedis } from '@portico/testing/engines.ts';
import { createHistoryChecker } from './check-history.ts';
import { endureOutage } from './outage.fixture.ts';
import { recordHistory, setInitialValues } from './record-history.fixture.ts';
import { boundMs, runHistory } from './run-history.fixture.ts';
import { type ShopUnderTest, startShopUnderTest } from './shop-under-test.fixture.ts';

const products = Array.from({ length: 10 }, (_, index) => `p${index + 1}`);
const skip = findRedis() === undefined ? 'no Redis on this machine' : false;

describe('Clients of the whole shop', { skip, timeout: 300_000 }, () => {
  let shop: ShopUnderTest;
  before(async () => {
    shop = await startShopUnderTest(products.length);
  });
  after(() => shop?.close());

  it('see nothing stale, backward or lost in 20 seconds of kills and cut streams', async (t) => {
    const seed = Date.now() % 2 ** 31;
    const { answers, writes } = await runHistory(t, { shop, products, seconds: 20, seed });
    assert.ok(answers >= 100 && writes >= 30, `${answers} answers, ${writes} writes`);
  });

  it('see nothing stale while the hub is away, and all of 4,000 commits is in it once, in order, when it is back', async (t) => {
    await endureOutage(t, { shop, products, missing: 'hub', commits: 2_000 });
  });

  it('see stale values of a BFF that is told of no change', async () => {
    const deaf = await shop.startFront('mobile', 3, { HUB_URL: undefined, CACHE_TTL_MS: '60000' });
    const initial = await setInitialValues(shop, products);
    const checker = createHistoryChecker(initial, boundMs);
    await recordHistory({
      shop,
      fronts: [deaf],
      products,
      clients: { withToken: 1, without: 1 },
      checker,
      random: createRandom(1),
      signal: AbortSignal.timeout(4_000),
    });
    const { violations } = checker.end();
    assert.ok(violations.some(({ rule }) => rule === 'stale'));
  });
});
