import type { FaultContext } from '../faults/failure.ts';
import type { Resolution } from '../faults/fault-desk.ts';
import { cursorOf, keysOfEvents } from './fold-records.ts';
import { createFolding, type Folding } from './folding.ts';
import { type AsideEvent, asideNames, type OpenFault } from './set-aside.ts';
import type { View } from './view.ts';
import type { StoredStates, ViewChange, ViewStore } from './view-store.ts';

/** So often is it tried while other events come to wait behind the fault. */
const maxTries = 100;

/** What came of it, and the keys whose states may be others now. */
export interface Resolved extends Resolution {
  readonly keys: readonly string[];
}

/**
 * Takes a fault's events through the view's functions, in their order, in one update of the store that also ends the fault. Of
 * several that do so at once one counts, and the others find no such fault, or what the first one has left of it.
 *  1. Read the fault's events: they say whose states are needed.
 *  2. In the update, look whether the fault is still what was read; else begin again at 1.
 *  3. Without the fault, take its events as if they came now: what fails again, and what comes behind it, is set aside again.
 * @param isDiscarded leaves the first event out
 * @returns undefined where there is no such fault
 * @throws what the store throws, and ViewFailed
 */
export async function resolveFault<State>(
  view: View<State>,
  store: ViewStore<State>,
  id: string,
  isDiscarded: boolean,
  context: FaultContext,
): Promise<Resolved | undefined> {
  for (let tries = 0; tries < maxTries; tries += 1) {
    const found = await readFault(store, id);
    if (found === undefined) return undefined;
    const { fault, events } = found;
    const [head] = events;
    const taken = isDiscarded ? events.slice(1) : events;
    const keys = [...new Set(events.flatMap((entry) => entry.keys ?? keysOfEvents(view, [entry.event])))];
    // Asked again where the store has changed meanwhile: the last answer is the one that counts.
    const outcome: { resolved?: Resolved | undefined } = {};
    await store.update(keys, (stored) => {
      delete outcome.resolved;
      const now = stored.cursor?.faults?.[id];
      if (head === undefined || JSON.stringify(now) !== JSON.stringify(fault)) return undefined;
      const folding = createFolding(view, stored.states, without(stored, id), context, { id, head });
      for (const entry of taken) folding.take(entry);
      outcome.resolved = { ...resolutionOf(folding, taken), keys };
      return changeOf(stored, folding, asideNames(id, fault));
    });
    if (outcome.resolved !== undefined) return outcome.resolved;
  }
  throw new Error(`the fault ${id} changes all the time`);
}

/** Undefined where there is none. The events are those of the fault as it is told here. */
export async function readFault(
  store: ViewStore<unknown>,
  id: string,
): Promise<{ readonly fault: OpenFault; readonly events: readonly AsideEvent[] } | undefined> {
  for (let tries = 0; tries < maxTries; tries += 1) {
    const fault = (await store.readAside([])).cursor?.faults?.[id];
    if (fault === undefined) return undefined;
    const names = asideNames(id, fault);
    const { cursor, aside } = await store.readAside(names);
    if (JSON.stringify(cursor?.faults?.[id]) !== JSON.stringify(fault)) continue;
    return { fault, events: names.flatMap((name) => aside.get(name) ?? []) };
  }
  throw new Error(`the fault ${id} changes all the time`);
}

function without({ cursor }: StoredStates<unknown>, id: string): Readonly<Record<string, OpenFault>> {
  const { [id]: _, ...others } = cursor?.faults ?? {};
  return others;
}

/** An event that fails, or waits, for some of its keys counts as left. */
function resolutionOf({ aside }: Folding<unknown>, taken: readonly AsideEvent[]): Resolution {
  const left = new Set([...aside.values()].flatMap((entry) => (entry === null ? [] : [entry.event.id])));
  const ids = new Set([...aside.keys()].map((name) => name.slice(0, name.lastIndexOf(':'))));
  return { applied: taken.filter(({ event }) => !left.has(event.id)).length, left: [...ids] };
}

function changeOf<State>(
  { cursor }: StoredStates<State>,
  folding: Folding<State>,
  names: readonly string[],
): ViewChange<State> | undefined {
  if (cursor === undefined) return undefined;
  const aside = new Map<string, AsideEvent | null>(names.map((name) => [name, null]));
  for (const [name, entry] of folding.aside) aside.set(name, entry);
  return {
    cursor: cursorOf(cursor.position, cursor.gaps, folding),
    isCleared: false,
    states: folding.states,
    aside,
  };
}
