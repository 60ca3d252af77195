import type { CacheEntry, CacheStore } from './cache-store.ts';

/** Writes to one store that nobody waits for. */
export interface BackgroundWrites {
  /** Begins a write, unless too many are under way already: then it is left out. */
  write(entries: readonly CacheEntry[]): void;
  /** When all that have begun are done. */
  finished(): Promise<void>;
}

export function createBackgroundWrites(store: CacheStore, maxPending: number): BackgroundWrites {
  const pending = new Set<Promise<void>>();
  return {
    write: (entries) => {
      if (entries.length === 0 || pending.size >= maxPending) return;
      const write = store.setMany(entries).finally(() => pending.delete(write));
      pending.add(write);
    },
    finished: async () => {
      await Promise.all(pending);
    },
  };
}
