import { setTimeout as delay } from 'node:timers/promises';

export interface LameDuckOptions {
  /** Who sends requests has noticed when none came for so long; in milliseconds. */
  readonly quietMs?: number;
  /** The most that is waited for that. */
  readonly limitMs?: number;
  /** Nobody sends requests to a process that nobody has asked anything for so long. */
  readonly restMs?: number;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
}

/** The time between the order to stop and the end of the port, in which those who send requests notice. */
export interface LameDuck {
  /** Notes a request; or that somebody asked whether the process is ready, and so may send requests. */
  readonly noted: (what: 'request' | 'readiness') => void;
  /** Resolves when the port can be closed without a request being lost. */
  readonly over: () => Promise<void>;
}

export function createLameDuck(options: LameDuckOptions = {}): LameDuck {
  const { quietMs = 400, limitMs = 2_000, restMs = 5_000, now = () => performance.now() } = options;
  const last = { request: Number.NEGATIVE_INFINITY, readiness: Number.NEGATIVE_INFINITY };
  return {
    noted: (what) => {
      last[what] = now();
    },
    over: async () => {
      const toldAt = now();
      if (toldAt - Math.max(last.request, last.readiness) > restMs) return;
      const leftMs = () => Math.min(Math.max(toldAt, last.request) + quietMs, toldAt + limitMs) - now();
      for (let left = leftMs(); left > 0; left = leftMs()) await delay(left);
    },
  };
}
