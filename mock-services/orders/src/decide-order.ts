import { Problem } from '@portico/runtime/problems.ts';
import type { Order, OrderEvent, OrderLine } from './order.ts';

export type OrderCommand =
  /** The lines have the prices of now. */
  { readonly type: 'place'; readonly lines: readonly OrderLine[] } | { readonly type: 'cancel' };

/**
 * What a command brings about: nothing where it was done already.
 * @throws Problem `conflict` or `invalid-request` when it can't be
 */
export function decide(order: Order, command: OrderCommand): readonly OrderEvent[] {
  switch (command.type) {
    case 'place':
      return [{ type: 'order-placed', data: { lines: command.lines, total: totalOf(command.lines) } }];
    case 'cancel':
      return cancel(order);
  }
}

function totalOf(lines: readonly OrderLine[]) {
  const currencies = new Set(lines.map(({ unitPrice }) => unitPrice.currency));
  const [currency] = currencies;
  if (currency === undefined || currencies.size > 1)
    throw new Problem('invalid-request', 'The products of an order must have prices in one currency.');
  const amount = lines.reduce((sum, { unitPrice, quantity }) => sum + unitPrice.amount * quantity, 0);
  return { amount, currency };
}

function cancel({ status, turnedBack, timeline }: Order): readonly OrderEvent[] {
  if (status === 'REJECTED')
    throw new Problem('conflict', 'The order was rejected: there is nothing to cancel.');
  if (status === 'SHIPPED' || timeline.some(({ type }) => type === 'cancellation-refused'))
    throw new Problem('conflict', 'The order has been shipped: it can not be cancelled any more.');
  if (status === 'CANCELLED' || turnedBack !== undefined) return [];
  return [{ type: 'cancellation-requested', data: {} }];
}
