import type { Event } from './history.ts';

/** What a read has to show at least, and the answer that promised it. */
export interface Floor {
  readonly value: number;
  readonly from: Event;
}

/** What each token promises to whoever carries it: all that was seen or written on the way to it. */
export function createTokenFloors() {
  const floors = new Map<string, Map<string, Floor>>();

  const raise = (floor: Map<string, Floor>, key: string, next: Floor) => {
    if (next.value > (floor.get(key)?.value ?? Number.NEGATIVE_INFINITY)) floor.set(key, next);
  };
  return {
    /** Undefined without a token, and for one that nobody was given. */
    of: (token: string | undefined): ReadonlyMap<string, Floor> | undefined =>
      token === undefined ? undefined : floors.get(token),

    /** To be called in the order in which the answers came. A token that several answers gave promises what each showed. */
    give: (event: Event): void => {
      const { tokenIn, tokenOut } = event;
      if (tokenOut === undefined) return;
      const floor = new Map(floors.get(tokenOut));
      for (const [key, before] of floors.get(tokenIn ?? '') ?? []) raise(floor, key, before);
      const shown = event.kind === 'read' ? event.values : { [event.key]: event.value };
      for (const [key, value] of Object.entries(shown)) raise(floor, key, { value, from: event });
      floors.set(tokenOut, floor);
    },
  };
}
