import { unlessAborted } from './unless-aborted.ts';

/** Lets so many at a time do something, the others one after the other. */
export interface Places {
  /**
   * Waits for a place. @returns gives it back
   * @throws the reason of `signal` as soon as it aborts; NoPlace where too many wait already
   */
  enter(signal: AbortSignal): Promise<() => void>;
}

/** Too many wait for a place. */
export class NoPlace extends Error {
  override name = 'NoPlace';
}

export function createPlaces(places: number, mostWaiting = Number.POSITIVE_INFINITY): Places {
  const waiting: (() => void)[] = [];
  let taken = 0;

  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) taken -= 1;
    else next();
  };

  return {
    enter: async (signal) => {
      signal.throwIfAborted();
      if (taken < places) {
        taken += 1;
        return leave;
      }
      if (waiting.length >= mostWaiting) throw new NoPlace('too many wait for a place');
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      try {
        await unlessAborted(promise, signal);
      } catch (error) {
        const at = waiting.indexOf(resolve);
        if (at < 0) leave();
        else waiting.splice(at, 1);
        throw error;
      }
      return leave;
    },
  };
}
