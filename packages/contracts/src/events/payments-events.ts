import Type from 'typebox';
import { integerOf, textOf } from './columns.ts';
import { declareSource, publish } from './declare-events.ts';
import { paymentTag } from './tags.ts';

const payment = Type.Object(
  {
    orderNumber: Type.String({ minLength: 1 }),
    status: Type.String({ description: '`authorised`, `declined`, `captured`, `voided` or `refunded`.' }),
    amount: Type.Integer({ description: 'In minor units (cents); 0 where no money was asked for.' }),
  },
  { title: 'Payment', description: 'What became of the money of an order.' },
);

/** What payments says in public. */
export const paymentsEvents = declareSource('payments', [
  publish({
    table: 'payments',
    type: 'payment-changed',
    thing: payment,
    toThing: (row) => ({
      orderNumber: textOf(row, 'order_number'),
      status: textOf(row, 'status'),
      amount: integerOf(row, 'amount'),
    }),
    keyOf: ({ orderNumber }) => orderNumber,
    tags: (orderNumber) => [paymentTag(orderNumber)],
  }),
]);
