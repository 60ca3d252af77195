import type { AsideEvent } from './set-aside.ts';
import type { ViewCursor } from './view.ts';
import type { ViewStore } from './view-store.ts';

interface Place<State> {
  cursor: ViewCursor | undefined;
  states: Map<string, State>;
  aside: Map<string, AsideEvent>;
}

const emptyPlace = <State>(): Place<State> => ({ cursor: undefined, states: new Map(), aside: new Map() });

/** A view in this process: it begins anew with each process. */
export function createMemoryViewStore<State>(): ViewStore<State> {
  return storeIn<State>(emptyPlace());
}

function storeIn<State>(place: Place<State>): ViewStore<State> {
  const stored = (keys: readonly string[]) => ({ cursor: place.cursor, states: only(keys, place.states) });

  return {
    read: async (keys) => stored(keys),
    readAside: async (names) => ({ cursor: place.cursor, aside: only(names, place.aside) }),
    update: (keys, change) => {
      const changed = change(stored(keys));
      if (changed === undefined) return place.cursor;
      if (changed.isCleared) Object.assign(place, emptyPlace());
      for (const [key, state] of changed.states) place.states.set(key, state);
      for (const [name, event] of changed.aside ?? []) {
        if (event === null) place.aside.delete(name);
        else place.aside.set(name, event);
      }
      place.cursor = changed.cursor;
      return place.cursor;
    },
    beside: () => {
      const anew = emptyPlace<State>();
      return {
        update: storeIn(anew).update,
        takeOver: async () => {
          if (isFurther(place.cursor, anew.cursor)) return false;
          Object.assign(place, anew);
          return true;
        },
        drop: async () => {},
      };
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

function isFurther(cursor: ViewCursor | undefined, other: ViewCursor | undefined): boolean {
  if (other === undefined) throw new Error('what was built beside the view is gone');
  const { epoch, number } = other.position;
  return cursor?.position.epoch === epoch && cursor.position.number > number;
}
