import { LRUCache } from 'lru-cache';
import type { Entry } from './entry-format.ts';

/** The first level: entries in this process, as they are handed out. */
export interface MemoryLevel {
  get(key: string): Entry | undefined;
  /** @param bytes what the value takes, as JSON */
  set(key: string, entry: Entry, bytes: number): void;
}

/** What an entry takes beside its key and value: list links, map slot, objects (measured on Node 24). */
const bookkeepingBytes = 512;

/** @param options.maxBytes what all entries together may take; the least recently used ones make room for new ones. */
export function createMemoryLevel({ maxBytes }: { readonly maxBytes: number }): MemoryLevel {
  const entries = new LRUCache<string, Entry>({ maxSize: maxBytes });
  return {
    get: (key) => entries.get(key),
    set: (key, entry, bytes) => {
      // Objects take more than their JSON: with small members about twice as much.
      entries.set(key, entry, { size: bytes * 2 + Buffer.byteLength(key) + bookkeepingBytes });
    },
  };
}
