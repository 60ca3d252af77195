import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { ShowScreen } from '../screen-answer.ts';
import { composeOrder } from './compose-order.ts';

/** An order of whoever asks. */
export function showOrder({ orders }: ShopServices): ShowScreen<'showOrder'> {
  return async ({ path: { number }, context }) => {
    const order = await orders.order(number, context);
    if (order === null) throw noSuchOrder(number);
    return composeOrder(order);
  };
}

/** The orders of whoever asks, newest first. */
export function listMyOrders({ orders }: ShopServices): ShowScreen<'listMyOrders'> {
  return async ({ query: { limit = 20, cursor }, context }) => {
    const { items, hasMore } = await orders.orders(limit, cursor && fromCursor(cursor), context);
    const last = items.at(-1);
    const next = hasMore && last !== undefined ? toCursor(last.number) : null;
    return { items: items.map(composeOrder), next };
  };
}

/** Also for an order of somebody else. */
export function noSuchOrder(number: string): Problem {
  return new Problem('not-found', `There is no order "${number}" of yours.`);
}

/** Opaque, and no order's number that somebody could take for one. */
const toCursor = (number: string) => Buffer.from(`orders:${number}`).toString('base64url');

function fromCursor(cursor: string): string {
  const [, number] =
    /^orders:(o[1-9][0-9]{0,14})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  if (number !== undefined) return number;
  throw new Problem('invalid-request', 'The query parameter "cursor" must be one that this list has given.');
}
