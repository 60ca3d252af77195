import type { Position } from '@portico/change-stream/hub/event-hub.ts';
import type { ChangeNode, Sight } from '@portico/change-stream/node/change-node.ts';
import { sourceTag } from '@portico/contracts/events/change-event.ts';
import type { CacheLevels, Found } from './cache-levels.ts';
import { type Entry, freeze, writeEntry } from './entry-format.ts';
import type { ReadOptions } from './read-cache.ts';
import type { Deadline, Settle } from './shared-fills.ts';

/** What a fill gives for one key. */
export interface Answer<T> {
  /** JSON; null for what does not exist. It gets frozen, as all who read it share it. */
  readonly value: T;
  /** What it was made from, besides its sources; without tags it is not kept where changes are followed. */
  readonly tags?: readonly string[];
  /** How old the oldest thing is that it was made from, where that may be older than this read. */
  readonly fence?: Position | undefined;
  /** What it can have shown, where that is known better than as all that its sources showed when this read ended. */
  readonly seen?: readonly Sight[];
  /** The services that it was made from; those of the read when left out. */
  readonly sources?: readonly string[];
  /** When the reading of its oldest part that lives by time began, if that was before this read; epoch milliseconds. */
  readonly readAt?: number;
  /** False for what nobody else may get, such as an answer with a part that is missing or stale. */
  readonly keep?: boolean;
}

/**
 * Reads these keys, in their order: an Error for a key that can't be read. A rejection is the error of each. The signal
 * says that nobody waits any more, the deadline until when somebody does.
 */
export type FillMany<T> = (
  keys: readonly string[],
  signal: AbortSignal,
  deadline: Deadline,
) => Promise<readonly (Answer<T> | Error)[]>;

export interface FillerOptions {
  readonly levels: CacheLevels;
  readonly node: ChangeNode | undefined;
  readonly now: () => number;
}

/** Reads keys from the services and keeps what they answer, with the fence that was taken before. */
export function createFiller({ levels, node, now }: FillerOptions) {
  const isFollowed = (source: string) => node?.follows(source) === true;

  const toEntry = (
    answer: Answer<unknown>,
    ofRead: readonly string[],
    begunAt: number,
    fence?: Position,
  ): Entry => {
    const { value, tags = [], sources = ofRead, readAt = begunAt } = answer;
    return {
      value,
      readAt: Math.min(readAt, begunAt),
      sources,
      tags: [...new Set([...sources.map(sourceTag), ...tags])],
      fence: fence?.number ?? null,
      seen: answer.seen ?? sources.filter(isFollowed).map((source) => ({ source, at: now() })),
    };
  };

  return async (
    keys: readonly string[],
    fill: (keys: readonly string[], signal: AbortSignal) => ReturnType<FillMany<unknown>>,
    { sources, owner }: Pick<ReadOptions, 'sources' | 'owner'>,
    settle: Settle<Found>,
    signal: AbortSignal,
  ): Promise<void> => {
    const isFenced = sources.some(isFollowed);
    const applied = isFenced ? node?.applied : undefined;
    const readAt = now();
    const answers = await fill(keys, signal);
    if (answers.length !== keys.length) {
      throw new TypeError(`a fill of ${keys.length} keys gave ${answers.length} values`);
    }

    const take = (key: string, answer: Answer<unknown>) => {
      const fence = smaller(applied, answer.fence);
      const entry = toEntry(answer, sources, readAt, fence);
      const stored = levels.storedKey(key, fence);
      const bytes = writeEntry(stored, entry);
      freeze(entry.value);
      const isKnown = !isFenced || (fence !== undefined && answer.tags !== undefined);
      const isKept = answer.keep !== false && isKnown;
      settle(key, { value: { source: 'fill', entry, fence, seen: entry.seen, isKept } });
      return isKept ? [{ key: stored, entry, bytes }] : [];
    };
    const kept = keys.flatMap((key, at) => {
      const answer = answers[at] ?? new Error('the fill gave nothing for this key');
      try {
        if (answer instanceof Error) throw answer;
        return take(key, answer);
      } catch (error) {
        settle(key, { error });
        return [];
      }
    });
    levels.keep(kept, owner);
  };
}

/** The older of two positions of one epoch; undefined if that can't be said. */
function smaller(applied: Position | undefined, other: Position | undefined): Position | undefined {
  if (applied === undefined || other === undefined) return applied;
  if (applied.epoch !== other.epoch) return undefined;
  return other.number < applied.number ? other : applied;
}
