import type { Position } from '@portico/change-stream/hub/event-hub.ts';
import type { ChangeNode, Sight } from '@portico/change-stream/node/change-node.ts';
import { createBackgroundWrites } from './background-writes.ts';
import type { CacheStore } from './cache-store.ts';
import { type Entry, readEntry } from './entry-format.ts';
import type { FenceRules, NotCurrent } from './fence-rules.ts';
import { createMemoryLevel } from './memory-level.ts';

export interface CacheLevelsOptions {
  /** What the level in this process may take. */
  readonly maxBytes: number;
  /** The level that several processes share; there is none when left out. */
  readonly shared?: CacheStore | undefined;
  /** What is known of changes. Without it, and for services whose changes it doesn't follow, answers live by `ttlMs`. */
  readonly node?: ChangeNode | undefined;
  /** How old an answer may be that nobody would say is old, in milliseconds. */
  readonly ttlMs: number;
  /** How long the shared level keeps answers of services whose changes are followed, in milliseconds. */
  readonly keepMs?: number;
  /** The shape of the answers: processes that read them alike have the same one. */
  readonly schema?: string;
  /** Epoch milliseconds; processes that share a level share this clock. */
  readonly now: () => number;
  /** How many writes to the shared level may be under way before further ones are left out. */
  readonly maxPendingWrites?: number;
}

/** What was found for a key, in a level or by reading. */
export interface Found {
  /** `memory`, the name of the shared level, or `fill`. */
  readonly source: string;
  readonly entry: Entry;
  /** Undefined where the entry lives by time, or nothing is known of changes. */
  readonly fence: Position | undefined;
  /** What the entry can have shown beyond `fence`. */
  readonly seen: readonly Sight[];
  /** False for what only those get who waited for it. */
  readonly isKept: boolean;
}

export type NotFound = NotCurrent | 'absent';

/** The level in this process, and the one that processes share. */
export interface CacheLevels {
  inMemory(key: string, sources: readonly string[]): Found | NotFound;
  /** Looks into the shared level, and keeps what it has in memory. What is for one user is never there. */
  inShared(keys: readonly string[], sources: readonly string[]): Promise<(Found | NotFound)[]>;
  /** Whether what was found is still current. What isn't kept may not say what it was made from. */
  isCurrent(found: Found): boolean;
  /** The key of an entry that is good from `fence` on, or lives by time. */
  storedKey(key: string, fence: Position | undefined): string;
  /** @param owner the user whom alone these are for: they stay in this process */
  keep(
    entries: readonly { readonly key: string; readonly entry: Entry; readonly bytes: Uint8Array }[],
    owner: string | undefined,
  ): void;
  /** Drops what this process has for this user alone. */
  dropOf(owner: string): void;
  ageOf(entry: Entry): number;
  /** Waits for the writes under way, then closes the shared level. */
  close(): Promise<void>;
}

export function createCacheLevels(options: CacheLevelsOptions, rules: FenceRules): CacheLevels {
  const { shared, node, ttlMs, now, keepMs = 600_000, schema = '1', maxPendingWrites = 256 } = options;
  const memory = createMemoryLevel(options);
  const writes = shared && createBackgroundWrites(shared, maxPendingWrites);

  const ageOf = ({ readAt }: Entry) => Math.max(0, now() - readAt);
  const isFollowed = (source: string) => node?.follows(source) === true;
  const notCurrent = (entry: Entry) => rules.notCurrent(entry, node, ageOf(entry), ttlMs);

  let memoryEpoch: string | undefined;
  let memoryPrefix = '';
  /** What the keys of entries begin with that can be good now; undefined while nothing is known of changes. */
  const prefixNow = (sources: readonly string[]): string | undefined => {
    if (!sources.some(isFollowed)) return rules.prefixOf(undefined, schema);
    const epoch = node?.applied?.epoch;
    if (epoch === undefined) return undefined;
    if (epoch !== memoryEpoch) {
      memoryEpoch = epoch;
      memoryPrefix = rules.prefixOf(epoch, schema);
    }
    return memoryPrefix;
  };

  /** Says of an entry that it is current up to what is applied. */
  const stamp = (source: string, entry: Entry): Found => {
    const applied = node?.applied;
    if (node === undefined || applied === undefined || entry.fence === null) {
      return { source, entry, fence: undefined, seen: entry.seen, isKept: true };
    }
    if (entry.seen.length > 0) entry.seen = entry.seen.filter((sight) => !node.hasSeen(sight));
    if (entry.fence < applied.number) entry.fence = applied.number;
    const { fence: number, seen } = entry;
    const fence = number === applied.number ? applied : { epoch: applied.epoch, number };
    return { source, entry, fence, seen, isKept: true };
  };

  /** Never puts an older entry in the place of a newer one. */
  const keepInMemory = (key: string, entry: Entry, bytes: Uint8Array, owner?: string) => {
    const kept = memory.get(key)?.fence ?? -1;
    if (kept <= (entry.fence ?? kept)) memory.set(key, entry, bytes.byteLength, owner);
  };

  /** How long an entry is worth keeping where nobody stamps it. */
  const timeOf = (entry: Entry) => (entry.sources.every(isFollowed) ? keepMs : ttlMs) - ageOf(entry);

  return {
    inMemory: (key, sources) => {
      const prefix = prefixNow(sources);
      if (prefix === undefined) return 'distrusted';
      const entry = memory.get(prefix + key);
      if (entry === undefined) return 'absent';
      return notCurrent(entry) ?? stamp('memory', entry);
    },

    inShared: async (keys, sources) => {
      const prefix = prefixNow(sources);
      if (prefix === undefined) return keys.map(() => 'distrusted');
      if (shared === undefined) return keys.map(() => 'absent');
      const stored = await shared.getMany(keys.map((key) => prefix + key));
      // Another epoch began while we waited: then what came is good for nothing.
      if (prefixNow(sources) !== prefix) return keys.map(() => 'distrusted');
      return keys.map((key, at) => {
        const bytes = stored[at];
        const entry = bytes && readEntry(prefix + key, bytes);
        if (bytes === undefined || entry === undefined) return 'absent';
        const found = notCurrent(entry) ?? stamp(shared.name, entry);
        if (typeof found === 'object') keepInMemory(prefix + key, entry, bytes);
        return found;
      });
    },

    isCurrent: ({ fence, entry, isKept }) =>
      isKept &&
      fence !== undefined &&
      fence.epoch === node?.applied?.epoch &&
      notCurrent(entry) === undefined,

    storedKey: (key, fence) => rules.prefixOf(fence?.epoch, schema) + key,

    keep: (entries, owner) => {
      for (const { key, entry, bytes } of entries) keepInMemory(key, entry, bytes, owner);
      if (owner !== undefined) return;
      writes?.write(entries.map(({ key, entry, bytes }) => ({ key, bytes, ttlMs: timeOf(entry) })));
    },
    dropOf: memory.dropOf,

    ageOf,
    close: async () => {
      await writes?.finished();
      await shared?.close();
    },
  };
}
