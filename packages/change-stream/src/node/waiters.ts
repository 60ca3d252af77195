import { unlessAborted } from '@portico/runtime/unless-aborted.ts';

interface Waiter {
  readonly isReached: () => boolean;
  readonly settle: (reached: boolean) => void;
}

/** Those who wait for a change to be applied. */
export interface Waiters {
  /** True as soon as `isReached`; false after `timeoutMs`, when the signal aborts, or when all are sent away. */
  wait(isReached: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** Something was applied. */
  wake(): void;
  sendAway(): void;
}

export function createWaiters(): Waiters {
  let waiting: Waiter[] = [];
  return {
    wait: async (isReached, timeoutMs, signal) => {
      if (isReached()) return true;
      if (timeoutMs <= 0 || signal.aborted) return false;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const waiter = { isReached, settle: resolve };
      waiting.push(waiter);
      const timer = setTimeout(resolve, timeoutMs, false);
      try {
        return await unlessAborted(promise, signal);
      } catch {
        return false;
      } finally {
        clearTimeout(timer);
        waiting = waiting.filter((other) => other !== waiter);
      }
    },
    wake: () => {
      for (const { isReached, settle } of waiting) if (isReached()) settle(true);
    },
    sendAway: () => {
      for (const { settle } of waiting) settle(false);
    },
  };
}
