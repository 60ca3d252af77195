import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { WantedOrder } from './place-orders.fixture.ts';

interface Told {
  readonly number: string;
  readonly customer: string;
  readonly status: string;
  readonly lines: readonly { readonly productId: string; readonly quantity: number }[];
  readonly total: number;
  readonly types: readonly string[];
}

/** What the databases of all who took part in selling hold. */
export interface Books {
  readonly orders: readonly Told[];
  /** Steps of sagas that are still to be done. */
  readonly openSteps: number;
  readonly stock: ReadonlyMap<string, { readonly quantity: number; readonly reserved: number }>;
  readonly accounts: ReadonlyMap<string, number>;
}

type Urls = Readonly<Record<string, string>>;

/** Reads all of them, as they are now. */
export async function readBooks(urls: Urls): Promise<Books> {
  const events = await rowsOf(
    urls.orders,
    'select order_number, customer_id, type, data from order_events order by order_number, version',
  );
  const byNumber = Map.groupBy(events, (row) => String(row.order_number));
  const [steps] = await rowsOf(urls.orders, 'select count(*)::int as count from saga_steps');
  const stock = await rowsOf(urls.inventory, 'select product_id, quantity, reserved from stock');
  const accounts = await rowsOf(
    urls.payments,
    'select account, sum(amount)::int as balance from ledger_entries group by account',
  );
  return {
    orders: [...byNumber].map(([number, rows]) => toTold(number, rows)),
    openSteps: Number(steps?.count),
    stock: new Map(
      stock.map((row) => [
        String(row.product_id),
        { quantity: Number(row.quantity), reserved: Number(row.reserved) },
      ]),
    ),
    accounts: new Map(accounts.map((row) => [String(row.account), Number(row.balance)])),
  };
}

/** The books once every order has ended, or as they are after so long. */
export async function untilEnded(urls: Urls, withinMs: number): Promise<Books> {
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    const books = await readBooks(urls);
    const isOpen = books.openSteps > 0 || books.orders.some(({ status }) => status === 'PENDING');
    if (!isOpen || performance.now() > giveUpAt) return books;
    await delay(200);
  }
}

/** What is true of the books once every order has ended, whatever was killed meanwhile. */
export function checkBooks(
  { orders, stock, accounts }: Books,
  wanted: readonly WantedOrder[],
  initial: ReadonlyMap<string, number>,
): void {
  for (const { key, numbers, refused } of wanted) {
    assert.equal(numbers.size, refused === undefined ? 1 : 0, `${key}: ${[...numbers]} ${refused}`);
  }
  const known = new Set(wanted.flatMap(({ numbers }) => [...numbers]));
  assert.deepEqual(
    orders.map(({ number }) => number).filter((number) => !known.has(number)),
    [],
    'orders that nobody was told of',
  );
  assert.equal(orders.length, known.size);
  for (const { number, types } of orders) {
    const twice = types.filter((type, at) => types.indexOf(type) !== at);
    assert.deepEqual(twice, [], `${number} has twice: ${types}`);
  }

  const sold = orders.filter(({ status }) => status === 'CONFIRMED' || status === 'SHIPPED');
  for (const [product, pieces] of initial) {
    const { quantity, reserved } = stock.get(product) ?? { quantity: Number.NaN, reserved: Number.NaN };
    const gone = sold
      .flatMap(({ lines }) => lines)
      .filter(({ productId }) => productId === product)
      .reduce((sum, line) => sum + line.quantity, 0);
    assert.deepEqual([product, quantity + gone, reserved], [product, pieces, 0]);
    assert.ok(quantity >= 0);
  }
  const revenue = sold.reduce((sum, { total }) => sum + total, 0);
  assert.equal(
    [...accounts.values()].reduce((sum, balance) => sum + balance, 0),
    0,
  );
  assert.equal(accounts.get('held') ?? 0, 0);
  assert.equal(accounts.get('revenue') ?? 0, revenue);
}

function toTold(number: string, rows: readonly Record<string, unknown>[]): Told {
  const placed = rows[0] as Readonly<Record<string, unknown>>;
  const { lines, total } = placed.data as { lines: Told['lines']; total: { amount: number } };
  const types = rows.map(({ type }) => String(type));
  const status = types.map((type) => statuses[type]).findLast((one) => one !== undefined) ?? 'PENDING';
  return { number, customer: String(placed.customer_id), status, lines, total: total.amount, types };
}

const statuses: Readonly<Record<string, string>> = {
  'order-confirmed': 'CONFIRMED',
  'order-rejected': 'REJECTED',
  'order-cancelled': 'CANCELLED',
  'order-shipped': 'SHIPPED',
};

async function rowsOf(url: string | undefined, query: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(query)).rows;
  } finally {
    await client.end();
  }
}
