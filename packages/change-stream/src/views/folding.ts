import { type FaultContext, failureOf, faultId, maxFaults, maxWaiting } from '../faults/failure.ts';
import { type AsideEvent, asideName, type OpenFault } from './set-aside.ts';
import type { View } from './view.ts';

/** More could not be set aside: it is the view that is broken, and not an event. */
export class ViewFailed extends Error {
  override name = 'ViewFailed';
}

const maxWaitingBytes = 1_000_000;

/** What events have made of a view so far. */
export interface Folding<State> {
  readonly states: ReadonlyMap<string, State>;
  readonly faults: Readonly<Record<string, OpenFault>>;
  readonly aside: ReadonlyMap<string, AsideEvent | null>;
  /** Takes an event into the states of its keys, or sets it aside for those keys where that can't be. @throws ViewFailed */
  take(entry: AsideEvent): void;
  /** Begins again with nothing: what was set aside counts no more either. */
  clear(): void;
}

/**
 * @param faults that are open
 * @param resubmitted what is tried again: if it fails again it is the same fault
 */
export function createFolding<State>(
  view: View<State>,
  states: ReadonlyMap<string, State>,
  faults: Readonly<Record<string, OpenFault>>,
  context: FaultContext,
  resubmitted?: { readonly id: string; readonly head: AsideEvent },
): Folding<State> {
  let known = new Map(states);
  let changed = new Map<string, State>();
  let aside = new Map<string, AsideEvent | null>();
  let open = new Map(Object.entries(faults));
  const faultOf = (isIt: (fault: OpenFault) => boolean) => {
    for (const [id, fault] of open) if (isIt(fault)) return id;
    return undefined;
  };

  const setAside = (entry: AsideEvent, of: Pick<OpenFault, 'keys' | 'unit'>, error: unknown) => {
    if (open.size >= maxFaults)
      throw new ViewFailed(`${view.name} has ${maxFaults} faults already`, { cause: error });
    const before = resubmitted?.head.event.id === entry.event.id ? resubmitted : undefined;
    const id = before?.id ?? faultId(view.name, entry.at, entry.event.id, of.keys?.[0]);
    const failure = failureOf(error, context, before?.head.failure);
    open.set(id, { ...of, waiting: 0, bytes: 0, tries: failure.tries });
    aside.set(asideName(id, 0), { ...entry, failure });
  };
  const waitBehind = (id: string, entry: AsideEvent) => {
    const fault = open.get(id);
    if (fault === undefined) return;
    const waiting = fault.waiting + 1;
    const bytes = fault.bytes + Buffer.byteLength(JSON.stringify(entry));
    if (waiting > maxWaiting || bytes > maxWaitingBytes)
      throw new ViewFailed(`more would wait in ${view.name} behind the fault ${id} than it keeps`);
    open.set(id, { ...fault, waiting, bytes });
    aside.set(asideName(id, waiting), entry);
  };

  /** Gives the keys that the event can't be taken into, by why. */
  const evolveAll = (keys: readonly string[], { event, at }: AsideEvent) => {
    const behind = new Map<string, string[]>();
    const failed: string[] = [];
    let failure: unknown;
    for (const key of keys) {
      const id = open.size === 0 ? undefined : faultOf((fault) => fault.keys?.includes(key) ?? false);
      if (id !== undefined) {
        behind.set(id, [...(behind.get(id) ?? []), key]);
        continue;
      }
      try {
        const before = known.get(key) ?? view.initial(key);
        const after = view.evolve(before, event, at);
        if (after === before) continue;
        known.set(key, after);
        changed.set(key, after);
      } catch (error) {
        failed.push(key);
        failure ??= error;
      }
    }
    return { behind, failed, failure };
  };

  return {
    get states() {
      return changed;
    },
    get faults() {
      return Object.fromEntries(open);
    },
    get aside() {
      return aside;
    },
    take: (entry) => {
      let { keys } = entry;
      if (keys === undefined) {
        const id = open.size === 0 ? undefined : faultOf(({ unit }) => unit === unitOf(view, entry));
        if (id !== undefined) return waitBehind(id, entry);
        try {
          keys = [...new Set(view.keysOf(entry.event))];
        } catch (error) {
          return setAside(entry, { unit: unitOf(view, entry) }, error);
        }
      }
      const { behind, failed, failure } = evolveAll(keys, entry);
      if (failed.length > 0) setAside({ ...entry, keys: failed }, { keys: failed }, failure);
      for (const [id, waiting] of behind) waitBehind(id, { ...entry, keys: waiting });
    },
    clear: () => {
      known = new Map();
      changed = new Map();
      aside = new Map();
      open = new Map();
    },
  };
}

function unitOf(view: Pick<View<unknown>, 'unitOf'>, { source, event }: AsideEvent): string {
  return `${source}:${view.unitOf?.(event) ?? event.key}`;
}
