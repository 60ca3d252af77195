import Type, { type Static } from 'typebox';
import { integerOf, textOf, timeOf } from './columns.ts';
import { declareSource, publish } from './declare-events.ts';
import { ordersOfTag, orderTag } from './tags.ts';
import { upcastOrderEvent } from './upcast-order-events.ts';

const orderEvent = Type.Object(
  {
    orderNumber: Type.String({ minLength: 1 }),
    version: Type.Integer({
      minimum: 1,
      description: 'Its place among the events of its order, without gaps.',
    }),
    customerId: Type.String({ description: 'Whose order it is.' }),
    type: Type.String({ description: 'What happened, in the past tense, such as `stock-reserved`.' }),
    at: Type.String({ format: 'date-time' }),
    data: Type.Record(Type.String(), Type.Unknown(), {
      description:
        'Of `order-placed` `lines` (`productId`, `quantity`, `unitPrice`) and `total`; of `order-rejected` and `order-cancelled` the `reason`.',
    }),
    traceparent: Type.String({ description: 'W3C Trace Context of the work that this was a part of.' }),
  },
  { title: 'OrderEvent', description: 'Something that happened to an order; an order is its events.' },
);
export type OrderEvent = Static<typeof orderEvent>;

/** What orders says in public: the events that its orders are made of. */
export const ordersEvents = declareSource('orders', [
  publish({
    table: 'order_events',
    type: 'order-event-appended',
    thing: orderEvent,
    toThing: (row) => ({
      orderNumber: textOf(row, 'order_number'),
      version: integerOf(row, 'version'),
      customerId: textOf(row, 'customer_id'),
      type: textOf(row, 'type'),
      at: timeOf(row, 'at'),
      // A slot that is made anew tells of rows that were written long ago.
      data: upcastOrderEvent({
        type: textOf(row, 'type'),
        schemaVersion: integerOf(row, 'schema_version'),
        data: JSON.parse(textOf(row, 'data')),
      }) as Record<string, unknown>,
      traceparent: textOf(row, 'traceparent'),
    }),
    keyOf: ({ orderNumber, version }) => `${orderNumber}:${version}`,
    traceparentOf: ({ traceparent }) => traceparent,
    tags: (_, before, after) =>
      [before, after].flatMap((one) =>
        one === null ? [] : [orderTag(one.orderNumber), ordersOfTag(one.customerId)],
      ),
  }),
]);
