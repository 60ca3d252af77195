import { refuseInput, refuseOthers, requireKnown } from '../errors/refusals.ts';
import { type ConnectionArguments, readAfter, readFirst, toConnection } from '../relay/connection.ts';
import type { WebContext } from '../web-context.ts';

const defaultFirst = 10;
const maxFirst = 50;

/** The orders of a customer, for that customer. @throws GraphQLError `FORBIDDEN` for everybody else */
export async function ordersOf(customerId: string, args: ConnectionArguments, context: WebContext) {
  requireKnown(context.requestContext);
  if (context.requestContext.identity?.subject !== customerId)
    throw refuseOthers('Only the customer may see these orders.');
  const first = readFirst(args.first, defaultFirst, maxFirst);
  const after = readAfter(args.after);
  const number = after && fromCursor(after);
  if (number !== undefined && !context.ids.isOrder(number))
    throw refuseInput('"after" must be a cursor that this list has given.');
  const { items, hasMore } = await context.loaders.orderPage(first, number);
  const cursors = items.map((order) => toCursor(order.number));
  return toConnection({ items, cursors, next: hasMore ? (cursors.at(-1) ?? null) : null }, args);
}

/** Opaque, and no order's number that somebody could take for one. */
const toCursor = (number: string) => Buffer.from(`orders:${number}`).toString('base64url');

function fromCursor(cursor: string): string {
  return /^orders:(.*)$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'))?.[1] ?? '';
}
