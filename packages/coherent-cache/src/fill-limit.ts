import { unlessAborted } from '@portico/runtime/unless-aborted.ts';

/** Lets so many at a time do something, the others one after the other. */
export interface FillLimit {
  /**
   * Waits for a place. @returns gives it back
   * @throws the reason of `signal` as soon as it aborts.
   */
  enter(signal: AbortSignal): Promise<() => void>;
}

export function createFillLimit(places: number): FillLimit {
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
