/** Counts what comes under keys that strangers choose, in a bounded memory. */
export interface WindowCounts {
  /** A key's count, and when it begins anew in epoch milliseconds. */
  of(key: string): WindowCount;
  /** Counts one more. */
  add(key: string): WindowCount;
  clear(key: string): void;
}

export interface WindowCount {
  readonly count: number;
  readonly endsAt: number;
}

export interface WindowCountsOptions {
  /** Each key is counted for so long from its first on, in milliseconds. */
  readonly windowMs: number;
  /** Above so many keys those that began first are forgotten. */
  readonly maxKeys: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Takes no timers: windows that are over go when a new one begins. */
export function createWindowCounts({ windowMs, maxKeys, now }: WindowCountsOptions): WindowCounts {
  // A Map keeps the order of insertion: the first ones began first, and end first.
  const windows = new Map<string, { count: number; readonly endsAt: number }>();
  const current = (key: string) => {
    const found = windows.get(key);
    return found !== undefined && found.endsAt > now() ? found : undefined;
  };
  const begin = (key: string) => {
    const window = { count: 0, endsAt: now() + windowMs };
    windows.delete(key);
    windows.set(key, window);
    for (const [oldest, { endsAt }] of windows) {
      if (windows.size <= maxKeys && endsAt > now()) break;
      windows.delete(oldest);
    }
    return window;
  };
  return {
    of: (key) => current(key) ?? { count: 0, endsAt: now() + windowMs },
    add: (key) => {
      const window = current(key) ?? begin(key);
      window.count += 1;
      return window;
    },
    clear: (key) => {
      windows.delete(key);
    },
  };
}
