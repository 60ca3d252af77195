import { setTimeout as delay } from 'node:timers/promises';
import type { LiveState } from './live-state.ts';

/** An answer that is read again whenever it may be another one; all who follow it share it. */
export interface LiveAnswer {
  /** What was read last; undefined before the first. */
  readonly state: LiveState | undefined;
  /** Resolves when `state` is another one. */
  readonly changed: Promise<void>;
  /**
   * Has it read again, from now on: several who ask at the same time get the same reading.
   * @param own what whoever asks has to see. @returns when it has been read
   */
  refresh(...own: readonly (string | undefined)[]): Promise<void>;
}

export interface LiveAnswerOptions {
  /** Reads it, for who has to see these; undefined when that fails. It never rejects. */
  readonly read: (tokens: readonly string[]) => Promise<LiveState | undefined>;
  /** The least time between two readings, in milliseconds. */
  readonly everyMs: number;
  /** Aborts when nobody follows it any more. */
  readonly signal: AbortSignal;
}

export function createLiveAnswer({ read, everyMs, signal }: LiveAnswerOptions): LiveAnswer {
  let state: LiveState | undefined;
  let changed = Promise.withResolvers<void>();
  /** For those who wait for the next reading. */
  let next: PromiseWithResolvers<void> | undefined;
  let tokens = new Set<string>();
  let isRunning = false;

  const take = (found: LiveState) => {
    const isOther = found.digest !== state?.digest || found.epoch !== state.epoch;
    state = found;
    if (!isOther) return;
    changed.resolve();
    changed = Promise.withResolvers();
  };

  const run = async () => {
    isRunning = true;
    while (next !== undefined && !signal.aborted) {
      const [waiting, given] = [next, [...tokens]];
      next = undefined;
      tokens = new Set();
      const found = await read(given);
      if (found !== undefined) take(found);
      else tokens = new Set([...given, ...tokens]);
      waiting.resolve();
      await delay(everyMs, undefined, { signal }).catch(() => {});
    }
    isRunning = false;
  };

  return {
    get state() {
      return state;
    },
    get changed() {
      return changed.promise;
    },
    refresh: (...own) => {
      for (const token of own) if (token !== undefined) tokens.add(token);
      next ??= Promise.withResolvers();
      const { promise } = next;
      if (!isRunning) void run();
      return promise;
    },
  };
}
