import type { NewRecord } from '@portico/change-stream/hub/event-hub.ts';
import type { OrderEvent } from '@portico/contracts/events/orders-events.ts';

const eventsOfOrder = 10;
const customers = 1_000;

/** The `nth` of many records of orders, from 0, with one event each: ten orders at a time go on by turns, and have ten events each. */
export function orderRecord(nth: number, committedAt = Date.now()): NewRecord {
  const round = Math.floor(nth / (10 * eventsOfOrder));
  const order = round * 10 + (nth % 10) + 1;
  const version = (Math.floor(nth / 10) % eventsOfOrder) + 1;
  const money = { amount: 300, currency: 'EUR' };
  const lines = [1, 2, 3].map((id) => ({ productId: `p${id}`, quantity: 1, unitPrice: money }));
  const after: OrderEvent = {
    orderNumber: `o${order}`,
    version,
    customerId: `c${order % customers}`,
    type: version === 1 ? 'order-placed' : 'order-went-on',
    at: new Date(1_700_000_000_000 + nth).toISOString(),
    data: version === 1 ? { lines, total: money } : {},
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  };
  const at = String(nth + 1);
  const key = `o${order}:${version}`;
  const event = { id: at, type: 'order-event-appended', key, data: { before: null, after } };
  return { source: 'orders', offset: { log: 'orders', at }, xid: at, committedAt, events: [event] };
}
