import type { components } from '@portico/contracts/generated/orders.ts';
import { decodeCursor, encodeCursor } from '@portico/runtime/keyset.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { type Kysely, sql } from 'kysely';
import type { OrdersTables } from './database.ts';
import { loadOrders, type StoredOrder } from './store/order-store.ts';

/** One page of the orders of a customer, newest first. */
export async function pageOfOrders(
  db: Kysely<OrdersTables>,
  {
    customerId,
    limit,
    cursor,
  }: { readonly customerId: string; readonly limit: number; readonly cursor: string | undefined },
): Promise<components['schemas']['OrderPage']> {
  let page = db
    .selectFrom('order_events')
    .select(['order_number', 'at'])
    .where('customer_id', '=', customerId)
    .where('version', '=', 1)
    .orderBy('at', 'desc')
    .orderBy('order_number', 'desc')
    .limit(limit + 1);
  if (cursor !== undefined) page = page.where(isAfter(cursor, customerId));
  const rows = await page.execute();
  const shown = rows.slice(0, limit);
  const cursors = shown.map(({ at, order_number }) =>
    encodeCursor(listOf(customerId), [at.getTime(), order_number]),
  );
  const orders = await loadOrders(
    db,
    shown.map(({ order_number }) => order_number),
  );
  return { items: orders.map(toOrder), cursors, next: rows.length > limit ? (cursors.at(-1) ?? null) : null };
}

/** An order as outsiders see it. */
export function toOrder({ number, customerId, version, order }: StoredOrder): components['schemas']['Order'] {
  const { status, reason, total, lines, timeline } = order;
  const placedAt = String(timeline[0]?.at);
  return {
    number,
    customerId,
    version,
    status,
    ...(reason === undefined ? {} : { reason }),
    total,
    lines: [...lines],
    timeline: [...timeline],
    placedAt,
  };
}

/** The condition that an order stands behind the cursor's place. */
function isAfter(cursor: string, customerId: string) {
  const [at, number] = decodeCursor(cursor, listOf(customerId), ['number', 'string']);
  if (!Number.isInteger(at) || at < 0 || at > Date.UTC(9999, 11, 31))
    throw new Problem('invalid-request', 'The cursor is not one that this list has given.');
  return sql<boolean>`(at, order_number) < (${new Date(at)}, ${number})`;
}

function listOf(customerId: string): string {
  return `orders ${customerId}`;
}
