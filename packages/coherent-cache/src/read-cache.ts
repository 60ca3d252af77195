import { createBackgroundWrites } from './background-writes.ts';
import type { CacheMetrics } from './cache-metrics.ts';
import type { CacheStore } from './cache-store.ts';
import { type CachedValue, readEntry, writeEntry } from './entry-format.ts';
import {
  createSharedFills,
  type Deadline,
  type Fill,
  type Filled,
  type Outcome,
  type Settle,
} from './shared-fills.ts';

export interface ReadCacheOptions {
  /** Asked in this order, the fastest first. */
  readonly levels: readonly CacheStore[];
  /** How old an answer may be, in milliseconds. */
  readonly ttlMs: number;
  /** Epoch milliseconds; processes that share a level share this clock. */
  readonly now: () => number;
  readonly metrics?: CacheMetrics;
  /** The time of one fill, whoever waits for it, in milliseconds. */
  readonly fillTimeoutMs?: number;
  /** How many writes to one level may be under way before further ones are left out. */
  readonly maxPendingWrites?: number;
}

/**
 * Reads the values of these keys, in their order: JSON, null for what does not exist, an Error for a key that can't be
 * read. A rejection is the error of each. The signal says that nobody waits any more, the deadline until when somebody does.
 */
export type FillMany<T> = (
  keys: readonly string[],
  signal: AbortSignal,
  deadline: Deadline,
) => Promise<readonly (T | Error)[]>;

/**
 * How one key was answered. `source` is the name of a level, or `fill` for the call of this reader, or `joined` for
 * the call of another one that was under way.
 */
export type CacheRead<T> =
  | { readonly value: T; readonly source: string; readonly ageMs: number }
  | { readonly error: unknown; readonly source: 'fill' | 'joined' };

export interface ReadCache {
  /**
   * Reads many keys through the levels; what none of them has is filled in one call, and kept at all of them. A key that
   * somebody else is reading at this moment is not read again but answered with theirs. Failures are data, key by key,
   * and never kept.
   * @throws the reason of `signal` as soon as it aborts.
   */
  readMany<T>(
    keys: readonly string[],
    fill: FillMany<T>,
    options: { readonly signal: AbortSignal; readonly deadline?: number },
  ): Promise<CacheRead<T>[]>;
  /** Waits for the writes under way, then closes the levels. */
  close(): Promise<void>;
}

/** What was found under a key: its value for the reader who looked, the bytes for those who joined. */
interface Found {
  readonly key: string;
  readonly source: string;
  readonly entry: CachedValue;
  readonly bytes: Uint8Array;
}

/** A cache of several levels in front of reads. Every reader gets values of its own, which it may change. */
export function createReadCache(options: ReadCacheOptions): ReadCache {
  const { levels, ttlMs, now, metrics, fillTimeoutMs = 1_000, maxPendingWrites = 256 } = options;
  const fills = createSharedFills<Found>({ timeoutMs: fillTimeoutMs });
  const writes = levels.map((level) => createBackgroundWrites(level, maxPendingWrites));

  const ageOf = ({ readAt }: CachedValue) => Math.max(0, now() - readAt);

  /** Keeps values at the first levels for what is left of their time. */
  const keep = (found: readonly Found[], depth: number) => {
    const entries = found.map(({ key, bytes, entry }) => ({ key, bytes, ttlMs: ttlMs - ageOf(entry) }));
    for (const level of writes.slice(0, depth)) level.write(entries);
  };

  const lookUp = async (level: CacheStore, keys: readonly string[]): Promise<Found[]> => {
    const stored = await level.getMany(keys);
    return keys.flatMap((key, at) => {
      const bytes = stored[at];
      const entry = bytes && readEntry(key, bytes);
      return entry && ageOf(entry) < ttlMs ? [{ key, source: level.name, entry, bytes }] : [];
    });
  };

  /** Settles the keys that a level has, and gives the others. */
  const lookThroughLevels = async (keys: readonly string[], settle: Settle<Found>): Promise<string[]> => {
    const missing = new Set(keys);
    for (const [depth, level] of levels.entries()) {
      if (missing.size === 0) break;
      const found = await lookUp(level, [...missing]);
      keep(found, depth);
      for (const value of found) {
        missing.delete(value.key);
        settle(value.key, { value });
      }
    }
    return [...missing];
  };

  const readThrough =
    (fill: FillMany<unknown>): Fill<Found> =>
    async (keys, settle, signal, deadline) => {
      const missing = await lookThroughLevels(keys, settle);
      if (missing.length === 0) return;
      signal.throwIfAborted();
      const readAt = now();
      const values = await fill(missing, signal, deadline);
      if (values.length !== missing.length) {
        throw new TypeError(`a fill of ${missing.length} keys gave ${values.length} values`);
      }
      const found: Found[] = [];
      for (const [at, key] of missing.entries()) {
        const outcome = toOutcome(key, { value: values[at], readAt });
        if ('value' in outcome) found.push(outcome.value);
        settle(key, outcome);
      }
      keep(found, levels.length);
    };

  const toRead = <T>(key: string, filled: Filled<Found>): CacheRead<T> => {
    const by = filled.joined ? 'joined' : 'fill';
    if ('error' in filled) {
      metrics?.reads.inc({ answer: 'failed' });
      return { error: filled.error, source: by };
    }
    const { source: level, entry, bytes } = filled.value;
    const source = level === 'fill' ? by : level;
    metrics?.reads.inc({ answer: source });
    const { value } = (filled.joined && readEntry(key, bytes)) || entry;
    return { value: value as T, source, ageMs: ageOf(entry) };
  };

  return {
    readMany: async (keys, fill, { signal, deadline }) => {
      const filled = await fills.join(keys, readThrough(fill), signal, deadline);
      return filled.map((each, at) => toRead(keys[at] ?? '', each));
    },
    close: async () => {
      await Promise.all(writes.map((level) => level.finished()));
      await Promise.all(levels.map((level) => level.close()));
    },
  };
}

function toOutcome(key: string, entry: CachedValue): Outcome<Found> {
  if (entry.value instanceof Error) return { error: entry.value };
  try {
    return { value: { key, source: 'fill', entry, bytes: writeEntry(key, entry) } };
  } catch (error) {
    return { error };
  }
}
