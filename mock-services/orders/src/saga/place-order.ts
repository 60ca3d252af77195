import { evolve, type Order, type OrderEvent, type Part, parts } from '../order.ts';

/** What an order needs of somebody else. `look`: whether its parcel has left. */
export interface Step {
  readonly saga: 'place' | 'cancel' | 'ship';
  readonly name: Part | 'capture' | 'commit' | 'look';
  readonly direction: 'do' | 'undo';
}

/** What came of a step. `unknown`: it may have been done, and nobody can tell. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unknown' }
  /** The parcel has left. */
  | { readonly kind: 'shipped' };

const doneBy = {
  reserve: 'stock-reserved',
  authorise: 'payment-authorised',
  schedule: 'shipment-scheduled',
} as const;
const undoneBy = {
  reserve: 'stock-released',
  authorise: 'payment-refunded',
  schedule: 'shipment-cancelled',
} as const;
const unavailable = {
  reserve: 'inventory_unavailable',
  authorise: 'payment_unavailable',
  schedule: 'shipping_unavailable',
} as const;

/**
 * The steps that have to be under way for an order as it is; those that are stay as they are.
 *  1. Placing goes part by part, until it is confirmed; from then on the money is taken and the stock is sold.
 *  2. One that turned back undoes what stands, the last part first. What is confirmed is undone once it is finished,
 *     so that nothing is taken after it was given back.
 */
export function nextSteps(order: Order): readonly Step[] {
  const { status, doing, turnedBack, isCaptured, isCommitted } = order;
  if (status === 'REJECTED' || status === 'CANCELLED') return [];
  if (doing !== undefined) return [{ saga: 'place', name: doing, direction: 'do' }];
  const steps: Step[] = [];
  if (status !== 'PENDING' && !isCaptured) steps.push({ saga: 'place', name: 'capture', direction: 'do' });
  if (status !== 'PENDING' && !isCommitted) steps.push({ saga: 'place', name: 'commit', direction: 'do' });
  const last = order.standing.at(-1);
  if (turnedBack === undefined || last === undefined) return steps;
  const unfinished = steps.some(({ name }) => name === (last === 'authorise' ? 'capture' : 'commit'));
  if (last !== 'schedule' && unfinished) return steps;
  return [...steps, { saga: status === 'PENDING' ? 'place' : 'cancel', name: last, direction: 'undo' }];
}

/** What happened to the order by a step that has ended; nothing where the order has gone another way meanwhile. */
export function conclude(order: Order, step: Step, outcome: Outcome): readonly OrderEvent[] {
  if (step.name === 'look') return outcome.kind === 'shipped' ? shipped(order) : [];
  if (step.name === 'capture') return order.isCaptured ? [] : settled(order, [fact('payment-captured')]);
  if (step.name === 'commit') return order.isCommitted ? [] : settled(order, [fact('stock-committed')]);
  const { name } = step;
  if (step.direction === 'undo') {
    if (order.turnedBack === undefined || order.standing.at(-1) !== name) return [];
    return settled(order, outcome.kind === 'shipped' ? goForward(order) : [fact(undoneBy[name])]);
  }
  if (order.doing !== name) return [];
  if (outcome.kind === 'done') return settled(order, [fact(doneBy[name])]);
  const failure =
    outcome.kind === 'refused'
      ? ({ step: name, reason: outcome.reason, outcome: 'refused' } as const)
      : ({ step: name, reason: unavailable[name], outcome: 'unknown' } as const);
  return settled(order, [{ type: 'step-failed', data: failure }]);
}

/** What happened to the order when its parcel has left. */
export function shipped(order: Order): readonly OrderEvent[] {
  if (order.status !== 'PENDING' && order.status !== 'CONFIRMED') return [];
  return [...settled(order, goForward(order)), fact('order-shipped')];
}

/** What has left can't be called back: the order goes on. It was scheduled, though the answer may have been lost. */
function goForward({ turnedBack, timeline }: Order): readonly OrderEvent[] {
  const events: OrderEvent[] = [];
  if (turnedBack?.to === 'order-cancelled')
    events.push({ type: 'cancellation-refused', data: { reason: 'shipped' } });
  if (!timeline.some(({ type }) => type === 'shipment-scheduled')) events.push(fact('shipment-scheduled'));
  return events;
}

/** The events with the one that they bring about: the order's confirmation, or its end. */
function settled(order: Order, events: readonly OrderEvent[]): readonly OrderEvent[] {
  const then = events.reduce((before, event) => evolve(before, event, ''), order);
  const { turnedBack, standing, doing, status } = then;
  if (doing !== undefined) return events;
  if (turnedBack === undefined)
    return status === 'PENDING' && standing.length === parts.length
      ? [...events, fact('order-confirmed')]
      : events;
  const { to, reason } = turnedBack;
  return standing.length === 0 ? [...events, { type: to, data: { reason } }] : events;
}

type PlainEvent = Extract<OrderEvent, { readonly data: Readonly<Record<string, never>> }>;

function fact(type: PlainEvent['type']): OrderEvent {
  return { type, data: {} };
}
