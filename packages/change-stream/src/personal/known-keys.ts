import type { PersonalKey } from './sealed-field.ts';

/** How long a process uses a key before it looks again whether it is still there, and how many it knows at the most. */
const knownMs = 60_000;
const mostKnown = 10_000;

/** The keys that a process has read, for a while. @param now monotone milliseconds */
export function createKnownKeys(now: () => number) {
  const known = new Map<string, { readonly key: PersonalKey; readonly until: number }>();
  return {
    pick: (customers: readonly string[]): Map<string, PersonalKey> => {
      const found = new Map<string, PersonalKey>();
      for (const customer of customers) {
        const entry = known.get(customer);
        if (entry === undefined) continue;
        if (entry.until > now()) found.set(customer, entry.key);
        else known.delete(customer);
      }
      return found;
    },
    keep: (customer: string, key: PersonalKey): void => {
      known.delete(customer);
      known.set(customer, { key, until: now() + knownMs });
      // They stand in the order in which they were read.
      for (const [oldest, { until }] of known) {
        if (known.size <= mostKnown && until > now()) break;
        known.delete(oldest);
      }
    },
    drop: (customer: string): void => {
      known.delete(customer);
    },
  };
}
