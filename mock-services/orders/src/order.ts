import type { components } from '@portico/contracts/generated/orders.ts';

type Schemas = components['schemas'];
export type Money = Schemas['Money'];
export type OrderLine = Schemas['OrderLine'];

/** The parts of placing an order that can be undone, in their order. */
export const parts = ['reserve', 'authorise', 'schedule'] as const;
export type Part = (typeof parts)[number];

/** Something that happened to an order. */
export type OrderEvent =
  | Fact<'order-placed', { readonly lines: readonly OrderLine[]; readonly total: Money }>
  | Fact<'stock-reserved' | 'payment-authorised' | 'shipment-scheduled'>
  | Fact<'order-confirmed' | 'payment-captured' | 'stock-committed' | 'order-shipped'>
  /** `unknown`: whether it was done or not, nobody could tell. */
  | Fact<
      'step-failed',
      { readonly step: Part; readonly reason: string; readonly outcome: 'refused' | 'unknown' }
    >
  | Fact<'shipment-cancelled' | 'payment-refunded' | 'stock-released' | 'cancellation-requested'>
  | Fact<'order-rejected' | 'order-cancelled' | 'cancellation-refused', { readonly reason: string }>;

interface Fact<Type extends string, Data = Readonly<Record<string, never>>> {
  readonly type: Type;
  readonly data: Data;
}

/** An order at some moment, as its events have made it: plain data, so that a snapshot can keep it. */
export interface Order {
  readonly status: Schemas['OrderStatus'];
  readonly reason?: string;
  readonly lines: readonly OrderLine[];
  readonly total: Money;
  readonly timeline: readonly Schemas['OrderEvent'][];
  /** What is being done to place it, and no event has told the end of. */
  readonly doing?: Part;
  /** What was done to place it, or may have been, and is not undone; in the order in which it was begun. */
  readonly standing: readonly Part[];
  readonly isCaptured: boolean;
  readonly isCommitted: boolean;
  /** How it ends once all that stands is undone. */
  readonly turnedBack?: { readonly to: 'order-rejected' | 'order-cancelled'; readonly reason: string };
}

export const initialState: Order = {
  status: 'PENDING',
  lines: [],
  total: { amount: 0, currency: 'EUR' },
  timeline: [],
  standing: [],
  isCaptured: false,
  isCommitted: false,
};

/** What an order is after an event. @param at when it happened, in ISO 8601 */
export function evolve(order: Order, event: OrderEvent, at: string): Order {
  return { ...apply(order, event), timeline: [...order.timeline, { type: event.type, at }] };
}

function apply(order: Order, event: OrderEvent): Order {
  switch (event.type) {
    case 'order-placed':
      return { ...order, ...event.data, doing: 'reserve' };
    case 'stock-reserved':
      return goOn(order, 'reserve', 'authorise');
    case 'payment-authorised':
      return goOn(order, 'authorise', 'schedule');
    case 'shipment-scheduled':
      return withoutRejection(goOn(order, 'schedule'));
    case 'step-failed':
      return failed(order, event.data);
    case 'order-confirmed':
      return { ...order, status: 'CONFIRMED' };
    case 'payment-captured':
      return { ...order, isCaptured: true };
    case 'stock-committed':
      return { ...order, isCommitted: true };
    case 'order-shipped':
      return { ...order, status: 'SHIPPED' };
    case 'cancellation-requested':
      return turn(order, 'order-cancelled', 'cancelled_by_customer');
    case 'cancellation-refused':
      return without(order, 'turnedBack');
    case 'shipment-cancelled':
      return undone(order, 'schedule');
    case 'payment-refunded':
      return undone(order, 'authorise');
    case 'stock-released':
      return undone(order, 'reserve');
    case 'order-rejected':
      return { ...order, status: 'REJECTED', reason: event.data.reason };
    case 'order-cancelled':
      return { ...order, status: 'CANCELLED', reason: event.data.reason };
    default:
      throw new TypeError(`an order has no event ${(event satisfies never as OrderEvent).type}`);
  }
}

function goOn(order: Order, done: Part, next?: Part): Order {
  const { doing: _, ...rest } = undone(order, done);
  const stands = { ...rest, standing: [...rest.standing, done] };
  return next === undefined || order.turnedBack !== undefined ? stands : { ...stands, doing: next };
}

function failed(
  order: Order,
  { step, reason, outcome }: (OrderEvent & { type: 'step-failed' })['data'],
): Order {
  const standing = outcome === 'unknown' ? [...order.standing, step] : order.standing;
  return turn({ ...without(order, 'doing'), standing }, 'order-rejected', reason);
}

/** The first reason to turn back counts. */
function turn(order: Order, to: 'order-rejected' | 'order-cancelled', reason: string): Order {
  return { turnedBack: { to, reason }, ...order };
}

/** A parcel that was scheduled after all, and has left, leaves nothing to reject. */
function withoutRejection(order: Order): Order {
  return order.turnedBack?.to === 'order-rejected' ? without(order, 'turnedBack') : order;
}

function undone(order: Order, part: Part): Order {
  return { ...order, standing: order.standing.filter((one) => one !== part) };
}

function without(order: Order, member: 'doing' | 'turnedBack'): Order {
  const { [member]: _, ...rest } = order;
  return rest;
}
