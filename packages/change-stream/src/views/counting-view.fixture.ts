import type { HubRecord } from '../hub/event-hub.ts';
import type { View } from './view.ts';

/** Counts, without any care for events that come again: it shows whether each was folded once. */
export const countingView: View<{ readonly count: number; readonly last: number }> = {
  name: 'test counts',
  version: 1,
  sources: ['orders'],
  keysOf: ({ key }) => [key],
  initial: () => ({ count: 0, last: 0 }),
  evolve: (state, { type }, { number }) => {
    if (type === 'poison') throw new Error('not understood');
    return type === 'nothing' ? state : { count: state.count + 1, last: number };
  },
};

/** A record of orders with one event. */
export const recordOf = (number: number, key: string, type = 'happened', source = 'orders'): HubRecord => ({
  number,
  source,
  offset: { log: source, at: String(number) },
  xid: String(number),
  committedAt: 0,
  events: [{ id: String(number), type, key, data: { before: null, after: null } }],
});

/** Of the faults of the counting view. */
export const countingContext = { codeVersion: '1', now: () => 0 };
