import { LRUCache } from 'lru-cache';
import type { Entry } from './entry-format.ts';

/** The first level: entries in this process, as they are handed out. */
export interface MemoryLevel {
  get(key: string): Entry | undefined;
  /**
   * @param bytes what the value takes, as JSON
   * @param owner the user whom alone it is for
   */
  set(key: string, entry: Entry, bytes: number, owner?: string): void;
  /** Drops all that is for this user alone. */
  dropOf(owner: string): void;
}

/** What an entry takes beside its key and value: list links, map slot, objects (measured on Node 24). */
const bookkeepingBytes = 512;

interface Kept {
  readonly entry: Entry;
  readonly owner: string | undefined;
}

/** @param options.maxBytes what all entries together may take; the least recently used ones make room for new ones. */
export function createMemoryLevel({ maxBytes }: { readonly maxBytes: number }): MemoryLevel {
  const keysOf = new Map<string, Set<string>>();
  const entries = new LRUCache<string, Kept>({
    maxSize: maxBytes,
    dispose: ({ owner }, key) => {
      if (owner === undefined) return;
      const keys = keysOf.get(owner);
      keys?.delete(key);
      if (keys?.size === 0) keysOf.delete(owner);
    },
  });
  return {
    get: (key) => entries.get(key)?.entry,
    set: (key, entry, bytes, owner) => {
      // Objects take more than their JSON: with small members about twice as much.
      const size = bytes * 2 + Buffer.byteLength(key) + bookkeepingBytes;
      entries.set(key, { entry, owner }, { size });
      // One that is too large was not taken.
      if (owner !== undefined && entries.has(key))
        keysOf.set(owner, (keysOf.get(owner) ?? new Set()).add(key));
    },
    dropOf: (owner) => {
      for (const key of [...(keysOf.get(owner) ?? [])]) entries.delete(key);
    },
  };
}
