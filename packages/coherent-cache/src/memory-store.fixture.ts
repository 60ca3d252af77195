import type { CacheStore } from './cache-store.ts';

/** A shared level for tests, in this process: what is put in stays until its time is over. */
export function createMemoryStore({ now }: { readonly now: () => number }): CacheStore {
  const entries = new Map<string, { readonly bytes: Uint8Array; readonly expiresAt: number }>();
  return {
    name: 'shared',
    getMany: async (keys) =>
      keys.map((key) => {
        const entry = entries.get(key);
        return entry !== undefined && entry.expiresAt > now() ? entry.bytes : undefined;
      }),
    setMany: async (given) => {
      for (const { key, bytes, ttlMs } of given) {
        if (ttlMs > 0) entries.set(key, { bytes: new Uint8Array(bytes), expiresAt: now() + ttlMs });
      }
    },
    close: async () => entries.clear(),
  };
}
