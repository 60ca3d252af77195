import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { type Fault, injectFaults, killOf } from '../history/inject-faults.fixture.ts';
import type { ShopUnderTest } from '../history/shop-under-test.fixture.ts';
import { checkBooks, untilEnded } from './check-books.fixture.ts';
import { placeOrders } from './place-orders.fixture.ts';

export interface Sale {
  readonly shop: ShopUnderTest;
  readonly products: readonly string[];
  readonly customers: readonly string[];
  readonly count: number;
  /** New orders come for so long at the most. */
  readonly seconds: number;
  readonly seed: number;
}

const piecesOfEach = 20;
/** Every order ends so soon after the last thing that stood in its way. */
const endsWithinMs = 10_000;

/**
 * Sells scarce products while everything that takes part is killed at random, PostgreSQL as well; then every order ends, and
 * the books of all services agree.
 */
export async function sellUnderKills(
  test: TestContext,
  { shop, products, customers, count, seconds, seed }: Sale,
): Promise<void> {
  test.diagnostic(`seed ${seed}`);
  await shop.sql('inventory', 'update stock set quantity = $1 where product_id = any($2)', [
    piecesOfEach,
    products,
  ]);
  const selling = new AbortController();
  const timer = setTimeout(() => selling.abort(), seconds * 1_000);
  const { signal } = selling;
  const random = createRandom(seed);
  const placing = { shop, products, customers, count, concurrency: 20, random, signal };
  const [wanted, faults] = await Promise.all([
    placeOrders(placing).finally(() => {
      clearTimeout(timer);
      selling.abort();
    }),
    injectFaults(faultsOfSelling(shop), createRandom(seed + 1), signal),
  ]);
  const wholeAt = performance.now();
  const { databases } = shop.postgres;
  const books = await untilEnded(databases, endsWithinMs + 20_000);
  const endedMs = performance.now() - wholeAt;
  const by = Object.entries(Object.groupBy(books.orders, ({ status }) => status));
  test.diagnostic(
    `${wanted.length} wanted, ${by.map(([status, ones]) => `${ones?.length} ${status}`).join(', ')}; ` +
      `${faults.kills} kills; all ended ${(endedMs / 1_000).toFixed(1)} s after the last one`,
  );
  const initial = new Map(products.map((id) => [id, piecesOfEach]));
  try {
    assert.equal(books.openSteps, 0);
    checkBooks(books, wanted, initial);
    assert.ok(endedMs <= endsWithinMs, `${endedMs} ms`);
  } catch (error) {
    for (const [at, what] of faults.happened) test.diagnostic(`${at.toFixed(0)} ms: ${what}`);
    throw error;
  }
}

function faultsOfSelling({
  catalog,
  inventory,
  sellers,
  capture,
  redis,
  postgres,
  fronts,
}: ShopUnderTest): Fault[] {
  return [
    killOf('catalog', catalog),
    killOf('inventory', inventory),
    killOf('capture', capture),
    ...Object.entries(sellers).map(([name, program]) => killOf(name, program)),
    ...fronts.map((front) => killOf(front.name, front)),
    { kind: 'kill', name: 'kill Redis', happen: () => redis.crash() },
    { kind: 'kill', name: 'kill PostgreSQL', happen: () => postgres.crash() },
  ];
}
