import type { ViewCursor } from './view.ts';
import type { ViewStore } from './view-store.ts';

/** A view in this process: it begins anew with each process. */
export function createMemoryViewStore<State>(): ViewStore<State> {
  let cursor: ViewCursor | undefined;
  let states = new Map<string, State>();

  const stored = (keys: readonly string[]) => ({
    cursor,
    states: new Map(
      keys.flatMap((key) => {
        const state = states.get(key);
        return state === undefined ? [] : [[key, state] as const];
      }),
    ),
  });

  return {
    read: async (keys) => stored(keys),
    update: (keys, change) => {
      const changed = change(stored(keys));
      if (changed === undefined) return cursor;
      if (changed.isCleared) states = new Map();
      for (const [key, state] of changed.states) states.set(key, state);
      cursor = changed.cursor;
      return cursor;
    },
  };
}
