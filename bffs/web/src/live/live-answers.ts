import type { ChangeNode } from '@portico/change-stream/node/change-node.ts';
import type { AnsweredRead, CacheRead } from '@portico/coherent-cache/read-cache.ts';
import { createPlaces } from '@portico/runtime/places.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import type { AnsweredOperation } from '../operation/create-operation-runner.ts';
import { createLiveAnswer, type LiveAnswer } from './live-answer.ts';
import { type LiveState, toLiveState } from './live-state.ts';
import { createTagIndex } from './tag-index.ts';

export interface LiveAnswersOptions {
  readonly node: ChangeNode;
  /** Begins the account of a reading that has to show what these tokens say. */
  readonly begin?:
    | ((context: RequestContext, ...tokens: readonly (string | undefined)[]) => void)
    | undefined;
  /** The least time between two readings of one answer, in milliseconds. */
  readonly everyMs?: number;
  /** So often those are read again of which no change can be expected to tell, in milliseconds. */
  readonly lookEveryMs?: number;
  /** How many are read at a time. */
  readonly maxReadings?: number;
}

/** One that somebody follows. */
export interface FollowedAnswer extends LiveAnswer {
  /** Says that one of those who follow it does so no more. */
  leave(): void;
}

export interface LiveAnswers {
  /**
   * Follows the answer to a question, with all others who do.
   * @param context whose user the question is of
   * @param read reads the answer, in a context of its own
   */
  follow(
    question: string,
    context: RequestContext,
    read: (context: RequestContext) => Promise<CacheRead<AnsweredOperation>>,
  ): FollowedAnswer;
}

interface Followed {
  readonly answer: LiveAnswer;
  readonly ending: AbortController;
  followers: number;
  /** What was found at the last reading; undefined when that has failed. */
  last: AnsweredRead<AnsweredOperation> | undefined;
}

/**
 * Answers that are read again as soon as something changes that they were made of: once for all who follow the same one, some at a
 * time, from what is applied by then. Where nobody would tell of a change (a part has failed, a source isn't trusted or says nothing of its changes), they
 * are read again every few seconds.
 */
export function createLiveAnswers(options: LiveAnswersOptions): LiveAnswers {
  const { node, begin, everyMs = 100, lookEveryMs = 5_000, maxReadings = 16 } = options;
  const followed = new Map<string, Followed>();
  const index = createTagIndex<Followed>();
  const limit = createPlaces(maxReadings);
  let stopListening: (() => void) | undefined;

  const refreshAll = (some: Iterable<Followed>) => {
    for (const { answer } of some) void answer.refresh();
  };
  const listen = () => {
    const isInDoubt = ({ last }: Followed) => last === undefined || isUncertain(last, node);
    const look = () => refreshAll([...followed.values()].filter(isInDoubt));
    const looking = setInterval(look, lookEveryMs);
    const endings = [
      node.onApplied((_, tags) => refreshAll(index.of(tags))),
      node.onLoaded(() => refreshAll(followed.values())),
      () => clearInterval(looking),
    ];
    return () => {
      for (const end of endings) end();
    };
  };

  const begun = (context: RequestContext, read: Parameters<LiveAnswers['follow']>[2]): Followed => {
    const ending = new AbortController();
    const { signal } = ending;
    /** What it has shown: it never goes back. */
    let shown: string | undefined;

    const readOnce = async (tokens: readonly string[]): Promise<LiveState | undefined> => {
      const leave = await limit.enter(signal);
      try {
        const own: RequestContext = { ...context, signal, cache: { hits: 0, misses: 0 } };
        begin?.(own, shown, ...tokens);
        const found = await read(own);
        if ('error' in found) throw found.error;
        shown = own.consistency?.token();
        one.last = found;
        if (signal.aborted) return undefined;
        index.set(one, found.tags);
        if (hasChanged(found, node)) void one.answer.refresh();
        return toLiveState(found, shown);
      } finally {
        leave();
      }
    };
    const answer = createLiveAnswer({
      everyMs,
      signal,
      read: async (tokens) => {
        try {
          return await readOnce(tokens);
        } catch (error) {
          one.last = undefined;
          if (!signal.aborted) context.log.warn({ err: error }, 'a live answer could not be read');
          return undefined;
        }
      },
    });
    const one: Followed = { answer, ending, followers: 0, last: undefined };
    return one;
  };

  const leave = (question: string, one: Followed) => {
    one.followers -= 1;
    if (one.followers > 0) return;
    one.ending.abort(new Error('nobody follows it any more'));
    index.set(one, []);
    followed.delete(question);
    if (followed.size > 0) return;
    stopListening?.();
    stopListening = undefined;
  };

  return {
    follow: (question, context, read) => {
      stopListening ??= listen();
      const one = followed.get(question) ?? begun(context, read);
      followed.set(question, one);
      one.followers += 1;
      const { answer } = one;
      return {
        get state() {
          return answer.state;
        },
        get changed() {
          return answer.changed;
        },
        refresh: answer.refresh,
        leave: () => leave(question, one),
      };
    },
  };
}

/** Whether something has changed that it was made of, since it was. */
function hasChanged(
  { fence, tags }: AnsweredRead<unknown>,
  { applied, floor, lastChange }: ChangeNode,
): boolean {
  if (fence === undefined || applied === undefined) return false;
  if (fence.epoch !== applied.epoch || fence.number < floor) return true;
  return tags.some((tag) => (lastChange(tag) ?? 0) > fence.number);
}

/** Whether it may be another one without anybody telling. */
function isUncertain({ isKept, byTime, sources }: AnsweredRead<unknown>, node: ChangeNode): boolean {
  return !isKept || byTime !== undefined || !sources.every((source) => node.isTrusted(source));
}
