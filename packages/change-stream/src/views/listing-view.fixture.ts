import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import type { View } from './view.ts';

/** By unit, the events in the order in which they were taken: it shows one that is missing, doubled or out of order. */
export interface Listing {
  readonly key: string;
  readonly units: readonly (readonly [unit: string, ids: readonly string[]])[];
}

/** Where a view's functions fail at an event; for one of its keys alone where that is named. */
export type Bug = (
  event: ChangeEvent,
) => { readonly at: 'keysOf' | 'evolve'; readonly key?: string } | undefined;

const unitOf = ({ key }: ChangeEvent) => key.split('+')[0] ?? '';

/** The event `a+b+c` is of the unit a and changes b and c; the event `a` changes a. */
export function listingView(bug: Bug = () => undefined): View<Listing> {
  const fail = (event: ChangeEvent, at: string, key?: string) => {
    const found = bug(event);
    if (found?.at !== at || (found.key !== undefined && found.key !== key)) return;
    throw new TypeError(`${at} does not understand the event ${event.id}`);
  };
  return {
    name: 'test listing',
    version: 1,
    sources: ['orders'],
    unitOf,
    keysOf: (event) => {
      fail(event, 'keysOf');
      const keys = event.key.split('+');
      return keys.length === 1 ? keys : keys.slice(1);
    },
    initial: (key) => ({ key, units: [] }),
    evolve: ({ key, units }, event) => {
      fail(event, 'evolve', key);
      const unit = unitOf(event);
      const ids = units.find(([name]) => name === unit)?.[1] ?? [];
      const own = [unit, [...ids, event.id]] as const;
      return {
        key,
        units: [...units.filter(([name]) => name !== unit), own].sort(([a], [b]) => (a < b ? -1 : 1)),
      };
    },
  };
}
