import type { AsideEvent } from './set-aside.ts';
import type { ViewCursor } from './view.ts';
import type { ViewStore } from './view-store.ts';

/** A view in this process: it begins anew with each process. */
export function createMemoryViewStore<State>(): ViewStore<State> {
  let cursor: ViewCursor | undefined;
  let states = new Map<string, State>();
  let asides = new Map<string, AsideEvent>();

  const stored = (keys: readonly string[]) => ({ cursor, states: only(keys, states) });

  return {
    read: async (keys) => stored(keys),
    readAside: async (names) => ({ cursor, aside: only(names, asides) }),
    update: (keys, change) => {
      const changed = change(stored(keys));
      if (changed === undefined) return cursor;
      if (changed.isCleared) {
        states = new Map();
        asides = new Map();
      }
      for (const [key, state] of changed.states) states.set(key, state);
      for (const [name, event] of changed.aside ?? []) {
        if (event === null) asides.delete(name);
        else asides.set(name, event);
      }
      cursor = changed.cursor;
      return cursor;
    },
  };
}

function only<Value>(names: readonly string[], from: ReadonlyMap<string, Value>): Map<string, Value> {
  return new Map(
    names.flatMap((name) => {
      const value = from.get(name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
