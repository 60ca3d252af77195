/**
 * One level of the cache: bytes by key, for a while.
 *
 * For whoever implements it: a cache is never a reason to fail or to wait. A store that is broken, slow or full answers
 * with misses and drops what it is given, within a short time of its own; none of these functions rejects.
 */
export interface CacheStore {
  /** How metrics and `Cache-Status` call this level. */
  readonly name: string;
  /**
   * The bytes of each key, in the order of the keys; undefined for what isn't there, is over or can't be read now.
   * Nobody may change the bytes.
   */
  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]>;
  /**
   * Keeps each entry for at most its `ttlMs`; a store in this process has done so when the call returns, before the
   * promise is settled. An entry whose time is over already, or that is too large, is left out.
   */
  setMany(entries: readonly CacheEntry[]): Promise<void>;
  /** Lets go of connections, timers and entries: what was kept can't be read here any more. */
  close(): Promise<void>;
}

export interface CacheEntry {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly ttlMs: number;
}
