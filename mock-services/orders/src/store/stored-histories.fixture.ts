import type { WrittenEvent } from '@portico/contracts/events/upcast-order-events.ts';

type Written = WrittenEvent & { readonly at: string };

const at = (second: number) => new Date(Date.UTC(2025, 2, 14, 9, 30, second)).toISOString();
const plain = (second: number, type: string, data: object = {}): Written => {
  return { type, schemaVersion: 1, at: at(second), data };
};
const euros = (amount: number) => ({ amount, currency: 'EUR' });
const linesOf = (unitPrice: unknown) => [{ productId: 'p7', quantity: 2, unitPrice }];

/** When prices were numbers of cents. */
const placedV1: Written = {
  type: 'order-placed',
  schemaVersion: 1,
  at: at(0),
  data: { lines: linesOf(4_990), total: 9_980 },
};
const placedV2: Written = {
  type: 'order-placed',
  schemaVersion: 2,
  at: at(0),
  data: { lines: linesOf(euros(4_990)), total: euros(9_980) },
};
const expected = { lines: linesOf(euros(4_990)), total: euros(9_980), reason: undefined };
const reachConfirmed = [
  plain(1, 'stock-reserved'),
  plain(2, 'payment-authorised'),
  plain(3, 'shipment-scheduled'),
  plain(3, 'order-confirmed'),
];

/** Orders as they lie in databases, each with what it is today. What stands here never changes: histories are only added. */
export const histories: readonly {
  readonly name: string;
  readonly events: readonly Written[];
  readonly expected: {
    readonly status: string;
    readonly lines: object;
    readonly total: object;
    readonly reason?: string | undefined;
  };
}[] = [
  {
    name: 'an order of version 1 that was shipped',
    events: [
      placedV1,
      ...reachConfirmed,
      plain(4, 'payment-captured'),
      plain(4, 'stock-committed'),
      plain(60, 'order-shipped'),
    ],
    expected: { ...expected, status: 'SHIPPED' },
  },
  {
    name: 'an order of version 1 that was rejected',
    events: [
      placedV1,
      plain(1, 'stock-reserved'),
      plain(2, 'step-failed', { step: 'authorise', reason: 'payment_declined', outcome: 'refused' }),
      plain(3, 'stock-released'),
      plain(3, 'order-rejected', { reason: 'payment_declined' }),
    ],
    expected: { ...expected, status: 'REJECTED', reason: 'payment_declined' },
  },
  {
    name: 'an order of version 2 that was cancelled',
    events: [
      placedV2,
      ...reachConfirmed,
      plain(4, 'payment-captured'),
      plain(4, 'stock-committed'),
      plain(9, 'cancellation-requested'),
      plain(10, 'shipment-cancelled'),
      plain(11, 'payment-refunded'),
      plain(12, 'stock-released'),
      plain(12, 'order-cancelled', { reason: 'cancelled_by_customer' }),
    ],
    expected: { ...expected, status: 'CANCELLED', reason: 'cancelled_by_customer' },
  },
  {
    name: 'an order of version 2 whose parcel had left',
    events: [
      placedV2,
      ...reachConfirmed,
      plain(9, 'cancellation-requested'),
      plain(10, 'cancellation-refused', { reason: 'shipped' }),
    ],
    expected: { ...expected, status: 'CONFIRMED' },
  },
];
