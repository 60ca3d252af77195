import type { Event } from './history.ts';

/** What a read has to show at least, and the answer that promised it. */
export interface Floor {
  readonly value: number;
  readonly from: Event;
}

/** Clients carry their newest token: one that so many others came after is nobody's any more. */
const mostTokens = 10_000;

/** What each token promises to whoever carries it: all that was seen or written on the way to it. */
export function createTokenFloors() {
  /** Those that were given or carried last come last. */
  const floors = new Map<string, Map<string, Floor>>();

  const keep = (token: string, floor: Map<string, Floor>) => {
    floors.delete(token);
    floors.set(token, floor);
    if (floors.size > mostTokens) floors.delete(String(floors.keys().next().value));
  };
  const raise = (floor: Map<string, Floor>, key: string, next: Floor) => {
    if (next.value > (floor.get(key)?.value ?? Number.NEGATIVE_INFINITY)) floor.set(key, next);
  };
  return {
    /** Undefined without a token, and for one that nobody was given. Stays as it is now. */
    of: (token: string | undefined): ReadonlyMap<string, Floor> | undefined => {
      const floor = token === undefined ? undefined : floors.get(token);
      if (token !== undefined && floor !== undefined) keep(token, floor);
      return floor;
    },

    /** To be called in the order in which the answers came. A token that several answers gave promises what each showed. */
    give: (event: Event): void => {
      const { tokenIn, tokenOut } = event;
      if (tokenOut === undefined) return;
      const floor = new Map(floors.get(tokenOut));
      for (const [key, before] of floors.get(tokenIn ?? '') ?? []) raise(floor, key, before);
      const shown = event.kind === 'read' ? event.values : { [event.key]: event.value };
      for (const key in shown) raise(floor, key, { value: shown[key] as number, from: event });
      keep(tokenOut, floor);
    },
  };
}
