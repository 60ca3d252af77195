import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { type Fault, injectFaults, killOf } from '../history/inject-faults.fixture.ts';
import type { ShopUnderTest } from '../history/shop-under-test.fixture.ts';
import { checkBooks, readBooks, untilEnded } from './check-books.fixture.ts';
import { type FollowedOrder, followOrder } from './follow-orders.fixture.ts';
import { placeOrders } from './place-orders.fixture.ts';

export interface Sale {
  readonly shop: ShopUnderTest;
  readonly products: readonly string[];
  readonly customers: readonly string[];
  readonly count: number;
  /** New orders come for so long at the most. */
  readonly seconds: number;
  readonly seed: number;
  /** How many customers order at once. */
  readonly concurrency: number;
  /** How many of the orders are followed live, on web and phone. */
  readonly followed: number;
}

const piecesOfEach = 20;
/** Every order ends so soon after the last thing that stood in its way. */
const endsWithinMs = 10_000;

/**
 * Sells scarce products while everything that takes part is killed at random, PostgreSQL as well; then every order ends, the
 * books of all services agree, and who followed orders on web and phone has heard each event once.
 */
export async function sellUnderKills(
  test: TestContext,
  { shop, products, customers, count, seconds, seed, concurrency, followed }: Sale,
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
  const following = new AbortController();
  test.after(() => following.abort());
  const live: FollowedOrder[] = [];
  let taken = 0;
  const onOrder = (order: { readonly number: string; readonly customer: string }) => {
    taken += 1;
    if (taken % Math.ceil(count / followed) === 0) live.push(...followOrder(shop, order, following.signal));
  };
  const patienceMs = Math.max(seconds * 1_000, 180_000);
  const placing = { shop, products, customers, count, concurrency, patienceMs, random, signal, onOrder };
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
    await untilHeard(live, databases);
  } catch (error) {
    for (const [at, what] of faults.happened) test.diagnostic(`${at.toFixed(0)} ms: ${what}`);
    throw error;
  }
}

/** Until all who follow an order have heard each of its events, once and in their order, also that its parcel left. */
async function untilHeard(live: readonly FollowedOrder[], databases: Readonly<Record<string, string>>) {
  const giveUpAt = performance.now() + 30_000;
  for (;;) {
    const { orders } = await readBooks(databases);
    const open = orders.filter(({ status }) => status === 'CONFIRMED').map(({ number }) => number);
    const heard = live.map(({ number, kind, types }) => `${kind} ${number}: ${types}`);
    const typesOf = new Map(orders.map(({ number, types }) => [number, types]));
    const happened = live.map(({ number, kind }) => `${kind} ${number}: ${typesOf.get(number)}`);
    if (open.length === 0 && heard.every((one, at) => one === happened[at])) return;
    if (performance.now() > giveUpAt) {
      assert.deepEqual(open, [], 'their parcels did not leave');
      assert.deepEqual(heard, happened);
    }
    await delay(200);
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
