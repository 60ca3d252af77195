import type { View } from '@portico/change-stream/views/view.ts';
import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import { type OrderEvent, ordersEvents } from '@portico/contracts/events/orders-events.ts';
import type { components } from '@portico/contracts/generated/orders.ts';
import Type from 'typebox';
import { Compile } from 'typebox/compile';

type Order = components['schemas']['Order'];

/** An order, with what it was after each of its events. */
export interface TrackedOrder extends Omit<Order, 'timeline'> {
  readonly timeline: readonly TrackedEvent[];
}

export interface TrackedEvent {
  readonly type: string;
  readonly at: string;
  readonly status: Order['status'];
  readonly reason?: string;
  /** The number of its record in the hub's log. */
  readonly position: number;
}

/** What the view has under a key: an order, or the numbers of a customer's orders. */
export interface OrdersState {
  /** `incomplete` where an event is missing, or was changed behind the service's back. */
  readonly order?: TrackedOrder | 'incomplete';
  /** Newest first. */
  readonly numbers?: readonly string[];
}

export const orderKey = (number: string): string => `order:${number}`;
export const ordersOfKey = (customerId: string): string => `orders-of:${customerId}`;

const money = Type.Object({ amount: Type.Integer(), currency: Type.String() });
const placed = Compile(
  Type.Object({
    lines: Type.Array(Type.Object({ productId: Type.String(), quantity: Type.Integer(), unitPrice: money })),
    total: money,
  }),
);

const nothing: OrdersState = {};

/**
 * Where each order stands and how it came there, and which orders a customer has, folded from the events that orders are
 * made of. @param owner whose view it is, such as `web`
 */
export function ordersView(owner: string): View<OrdersState> {
  return {
    name: `${owner} orders`,
    version: 1,
    sources: [ordersEvents.source],
    unitOf: (event) => numberOf(event),
    keysOf: (event) => {
      const key = orderKey(numberOf(event));
      // Only the first event of an order is also about a list: of a later one the order is known, whatever else it says.
      if (!event.key.endsWith(':1')) return [key];
      check(event);
      const { customerId, type } = said(event.data);
      return type === 'order-placed' ? [key, ordersOfKey(customerId)] : [key];
    },
    initial: (key) => (key.startsWith(orderKey('')) ? nothing : { numbers: [] }),
    evolve: (state, stated, { number }) => {
      check(stated);
      const { data } = stated;
      const event = said(data);
      const isNew = data.before === null && data.after !== null;
      return state.numbers === undefined
        ? evolveOrder(state, event, isNew, number)
        : evolveList(state, state.numbers, event, data.after !== null);
    },
  };
}

/** Whose event it is, by its key: `<number>:<version>`. */
const numberOf = ({ key }: ChangeEvent) => key.slice(0, Math.max(0, key.lastIndexOf(':')));

function check(event: ChangeEvent): void {
  const problem = ordersEvents.problemOf(event);
  if (problem !== undefined) throw new TypeError(problem);
}

const said = ({ before, after }: { before: unknown; after: unknown }) => (after ?? before) as OrderEvent;

function evolveOrder(state: OrdersState, event: OrderEvent, isNew: boolean, position: number): OrdersState {
  const { order } = state;
  // Events are never changed: only the service can say what it makes of one that was.
  if (!isNew) return order === 'incomplete' ? state : { order: 'incomplete' };
  const known = order === undefined || order === 'incomplete' ? 0 : order.version;
  if (event.version <= known) return state;
  if (event.version === 1) return { order: withEvent(placedOrder(event), event, position) };
  if (order === undefined || order === 'incomplete' || event.version > known + 1) {
    return order === 'incomplete' ? state : { order: 'incomplete' };
  }
  return { order: withEvent(order, event, position) };
}

/** @throws TypeError when the event says no lines or total */
function placedOrder({ orderNumber: number, customerId, at, type, data }: OrderEvent): TrackedOrder {
  if (type !== 'order-placed' || !placed.Check(data))
    throw new TypeError('an order begins with what was placed');
  const { lines, total } = data;
  return { number, customerId, version: 0, status: 'PENDING', total, lines, timeline: [], placedAt: at };
}

function withEvent(order: TrackedOrder, event: OrderEvent, position: number): TrackedOrder {
  const { version, type, at } = event;
  const { reason: reasonBefore, timeline, ...rest } = order;
  const { status, reason } = outcomeOf(event) ?? { status: order.status, reason: reasonBefore };
  const outcome = { status, ...(reason !== undefined && { reason }) };
  return { ...rest, ...outcome, version, timeline: [...timeline, { type, at, ...outcome, position }] };
}

/** What an event brings an order to; most are steps on the way. */
function outcomeOf({ type, data }: OrderEvent): Pick<TrackedEvent, 'status' | 'reason'> | undefined {
  const reason = typeof data.reason === 'string' ? { reason: data.reason } : {};
  switch (type) {
    case 'order-confirmed':
      return { status: 'CONFIRMED' };
    case 'order-rejected':
      return { status: 'REJECTED', ...reason };
    case 'order-cancelled':
      return { status: 'CANCELLED', ...reason };
    case 'order-shipped':
      return { status: 'SHIPPED' };
    default:
      return undefined;
  }
}

function evolveList(
  state: OrdersState,
  numbers: readonly string[],
  { orderNumber }: OrderEvent,
  isThere: boolean,
): OrdersState {
  if (numbers.includes(orderNumber) === isThere) return state;
  if (!isThere) return { numbers: numbers.filter((number) => number !== orderNumber) };
  const at = numbers.findIndex((number) => isOlder(number, orderNumber));
  return { numbers: numbers.toSpliced(at === -1 ? numbers.length : at, 0, orderNumber) };
}

/** Whether the order came before the other one: numbers grow, and are written without zeros in front. */
export function isOlder(number: string, other: string): boolean {
  return number.length === other.length ? number < other : number.length < other.length;
}

/** The order as it was right after its event of this version. */
export function orderAfter(order: TrackedOrder, version: number): TrackedOrder {
  const timeline = order.timeline.slice(0, version);
  const { status = order.status, reason } = timeline.at(-1) ?? {};
  const { reason: _, ...rest } = order;
  return { ...rest, status, ...(reason !== undefined && { reason }), version, timeline };
}
