import type { Position } from '@portico/change-stream/hub/event-hub.ts';
import type { Requirement, Sight } from '@portico/change-stream/node/change-node.ts';
import { createPlaces, type Places } from '@portico/runtime/places.ts';
import { type CacheLevelsOptions, createCacheLevels, type Found, type NotFound } from './cache-levels.ts';
import type { CacheMetrics } from './cache-metrics.ts';
import { type FenceRules, fenceRules } from './fence-rules.ts';
import { createFiller, type FillMany } from './fill-keys.ts';
import { createOwnedFills } from './owned-fills.ts';
import { createSharedFills, type Fill, type Filled, type Settle } from './shared-fills.ts';

export interface ReadCacheOptions extends CacheLevelsOptions {
  readonly metrics?: CacheMetrics;
  /** The time of one fill, whoever waits for it, in milliseconds. */
  readonly fillTimeoutMs?: number;
  /** How many fills may be under way from one source that is not trusted, when every read of it becomes one. */
  readonly maxDistrustedFills?: number;
  /** How long a read waits until what its reader has to see is applied, in milliseconds. */
  readonly requirementWaitMs?: number;
  /** Others than the right ones are for the test that shows what each is for. */
  readonly rules?: FenceRules;
}

export interface ReadOptions {
  readonly signal: AbortSignal;
  /** When this reader will leave, in epoch milliseconds; it is not known when left out. */
  readonly deadline?: number | undefined;
  /** The services that the keys are read from. */
  readonly sources: readonly string[];
  /** The fill reads nothing but through this cache: then its parts are limited and have a time, and not the whole. */
  readonly isWhole?: boolean;
  /** What the reader has to see. */
  readonly requires?: Requirement | undefined;
  /** The user whom alone the keys are for: they are kept in this process alone, until `dropOf`. The keys name the user too. */
  readonly owner?: string | undefined;
}

/**
 * How one key was answered. `source` is `memory`, the name of the shared level, `fill` for the call of this reader, or
 * `joined` for the call of another one that was under way.
 */
export interface AnsweredRead<T> {
  readonly value: T;
  readonly source: string;
  readonly ageMs: number;
  /** All changes up to here are in the value. Not given where it lives by time, or nothing is known of changes. */
  readonly fence?: Position;
  /** What the value can have shown beyond `fence`. */
  readonly seen?: readonly Sight[];
  readonly sources: readonly string[];
  readonly tags: readonly string[];
  /** False for what only those get who waited for it: nothing that is made of it can be kept. */
  readonly isKept: boolean;
  /** For what lives by time, or has a part that does: which of its sources do, and how long it can be given. */
  readonly byTime?: { readonly sources: readonly string[]; readonly leftMs: number };
}

export interface FailedRead {
  readonly error: unknown;
  readonly source: 'fill' | 'joined';
}

export type CacheRead<T> = AnsweredRead<T> | FailedRead;

export interface ReadCache {
  /**
   * Reads many keys through the levels; what none of them has is filled in one call, and kept at all of them. A key that
   * somebody else is reading at this moment is answered with theirs, if that is new enough. Failures are data, key by
   * key, and never kept. Values are frozen and shared by all who read them.
   * @throws the reason of `signal` as soon as it aborts.
   */
  readMany<T>(keys: readonly string[], fill: FillMany<T>, options: ReadOptions): Promise<CacheRead<T>[]>;
  /** Drops what is kept, or being filled, for this user alone. */
  dropOf(owner: string): void;
  /** Waits for the writes under way, then closes the levels. */
  close(): Promise<void>;
}

/** Of a fill that nobody's leaving ends; its parts have their own. */
const wholeTimeoutMs = 60_000;

const ofWhat = ({ isWhole = false }: ReadOptions) => (isWhole ? 'whole' : 'part');

/** A cache of two levels in front of reads. What it gives is current by what its node knows of changes. */
export function createReadCache(options: ReadCacheOptions): ReadCache {
  const { node, now, metrics, rules = fenceRules } = options;
  const { fillTimeoutMs = 1_000, maxDistrustedFills = 16, requirementWaitMs = 10 } = options;
  const levels = createCacheLevels(options, rules);
  const fills = createSharedFills<Found>({ timeoutMs: fillTimeoutMs });
  const wholes = createSharedFills<Found>({ timeoutMs: wholeTimeoutMs });
  const fillKeys = createFiller({ levels, node, now });
  const owned = createOwnedFills();
  const limits = new Map<string, Places>();

  const isFollowed = (source: string) => node?.follows(source) === true;
  const isDistrusted = (source: string) => isFollowed(source) && node?.isTrusted(source) !== true;

  /** Whether what the levels have will do for this reader, of these sources. */
  const willDo = async (requires: Requirement, sources: readonly string[], signal: AbortSignal) => {
    const ofThese = ({ source }: { readonly source: string }) => sources.includes(source);
    const commits = requires.commits.filter(ofThese);
    if (!sources.some(isFollowed) || node === undefined) return commits.length === 0;
    const needed = { position: requires.position, commits, seen: requires.seen.filter(ofThese) };
    return await node.reaches(needed, requirementWaitMs, signal);
  };

  /** Waits for a place among the fills of a source that isn't trusted. @returns gives it back */
  const enter = async ({ sources, isWhole = false }: ReadOptions, signal: AbortSignal) => {
    const source = sources.find(isDistrusted);
    if (source === undefined || isWhole) return () => {};
    const limit = limits.get(source) ?? createPlaces(maxDistrustedFills);
    limits.set(source, limit);
    return await limit.enter(signal);
  };

  /** Settles the keys that a level has, and gives the others with the reason. */
  const lookThroughLevels = async (
    keys: readonly string[],
    { sources, owner }: ReadOptions,
    settle: Settle<Found>,
  ) => {
    const missing = new Map<string, NotFound>();
    const take = (key: string, found: Found | NotFound | undefined) => {
      if (typeof found === 'object') {
        missing.delete(key);
        settle(key, { value: found });
      } else if (found !== undefined && (found !== 'absent' || !missing.has(key))) missing.set(key, found);
    };
    for (const key of keys) take(key, levels.inMemory(key, sources));
    const open = [...missing.keys()];
    if (open.length === 0 || owner !== undefined) return missing;
    const found = await levels.inShared(open, sources);
    for (const [at, key] of open.entries()) take(key, found[at]);
    return missing;
  };

  const readThrough =
    (fill: FillMany<unknown>, read: ReadOptions, anew: boolean): Fill<Found> =>
    async (keys, settle, signal, deadline) => {
      const missing = anew ? undefined : await lookThroughLevels(keys, read, settle);
      const open = missing === undefined ? keys : [...missing.keys()];
      if (open.length === 0) return;
      signal.throwIfAborted();
      for (const key of open) {
        metrics?.misses.inc({ reason: missing?.get(key) ?? 'bypassed', of: ofWhat(read) });
      }
      const leave = await enter(read, signal);
      try {
        const filling = read.owner === undefined ? fill : owned.of(read.owner, fill);
        await fillKeys(open, (keys, ending) => filling(keys, ending, deadline), read, settle, signal);
      } finally {
        leave();
      }
    };

  const toRead = <T>({ entry, fence, seen, isKept }: Found, source: string, of: string): CacheRead<T> => {
    metrics?.reads.inc({ answer: source, of });
    const { value, sources, tags } = entry;
    const ageMs = levels.ageOf(entry);
    return {
      value: value as T,
      source,
      ageMs,
      sources,
      tags,
      isKept,
      ...(fence !== undefined && { fence }),
      ...((fence !== undefined || seen.length > 0) && { seen }),
      ...(!sources.every(isFollowed) && {
        byTime: { sources: sources.filter((each) => !isFollowed(each)), leftMs: options.ttlMs - ageMs },
      }),
    };
  };

  const toFilledRead = <T>(filled: Filled<Found>, of: string): CacheRead<T> => {
    const by = filled.joined ? 'joined' : 'fill';
    if ('value' in filled) {
      return toRead(filled.value, filled.value.source === 'fill' ? by : filled.value.source, of);
    }
    metrics?.reads.inc({ answer: 'failed', of });
    return { error: filled.error, source: by };
  };

  return {
    readMany: async <T>(keys: readonly string[], fill: FillMany<T>, read: ReadOptions) => {
      const { signal, deadline, sources, requires } = read;
      const of = ofWhat(read);
      signal.throwIfAborted();
      const anew = requires !== undefined && !(await willDo(requires, sources, signal));
      const arrival = sources.some(isFollowed) ? node?.applied : undefined;
      const reads: CacheRead<T>[] = [];
      let open: number[] = [];
      for (const [at, key] of keys.entries()) {
        const found = anew ? 'absent' : levels.inMemory(key, sources);
        if (typeof found === 'object') reads[at] = toRead(found, found.source, of);
        else open.push(at);
      }
      while (open.length > 0) {
        const missing = open.map((at) => keys[at] ?? '');
        const filled = await (read.isWhole ? wholes : fills).join(missing, readThrough(fill, read, anew), {
          signal,
          deadline,
          anew,
        });
        open = open.filter((at, index) => {
          const each = filled[index];
          if (each === undefined) return false;
          if (each.joined && 'value' in each) {
            const { value } = each;
            if (!rules.mayTake(value.fence, arrival, () => levels.isCurrent(value))) return true;
          }
          reads[at] = toFilledRead(each, of);
          return false;
        });
      }
      return reads;
    },
    dropOf: (owner) => {
      owned.keepNothingOf(owner);
      levels.dropOf(owner);
    },
    close: levels.close,
  };
}
