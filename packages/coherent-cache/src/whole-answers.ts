import type { Position } from '@portico/change-stream/hub/event-hub.ts';
import type { Requirement, Sight } from '@portico/change-stream/node/change-node.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { countReads } from './count-reads.ts';
import type { Answer, FillMany } from './fill-keys.ts';
import { keyOfUser } from './key-of-user.ts';
import type { CacheRead, ReadCache } from './read-cache.ts';
import type { Deadline } from './shared-fills.ts';

/** An answer as it is sent. */
export interface WrittenAnswer {
  readonly text: string;
  /** False for one that only those may get who waited for it: with an error, or with a part that is missing. */
  readonly isWhole: boolean;
}

/** Answers of a BFF, kept as long as nothing has changed that they were made from. */
export interface WholeAnswers {
  /**
   * Gives the answer to a question again, or makes it. Who asks the same at the same moment waits for the same one. It is made
   * with a context of its own, which ends when nobody waits any more: all that it is made from has to be read with that.
   * @param question all that the answer depends on, but for the user, who always belongs to it
   * @throws what `make` does, or the reason of the context's signal
   */
  give<Written extends WrittenAnswer>(
    question: string,
    make: (context: RequestContext) => Promise<Written>,
    context: RequestContext,
  ): Promise<Written>;
  /** As `give`, with what the answer was made from. Failures are data. */
  read<Written extends WrittenAnswer>(
    question: string,
    make: (context: RequestContext) => Promise<Written>,
    context: RequestContext,
  ): Promise<CacheRead<Written>>;
}

export interface WholeAnswersOptions {
  readonly cache: ReadCache;
  /** The services that answers can be made from. */
  readonly sources: readonly string[];
  readonly requirementOf?: ((context: RequestContext) => Requirement | undefined) | undefined;
  /** Told of each answer that is given, with all that it was made from: on a hit nothing else is read for the request. */
  readonly onRead?: ((context: RequestContext, read: CacheRead<unknown>) => void) | undefined;
  readonly now: () => number;
}

/** In characters; larger answers are made each time. */
const maxTextLength = 400_000;

/** @returns the answers, and `noteRead`, which has to be told of each read that is made for a request */
export function createWholeAnswers(options: WholeAnswersOptions) {
  const { cache, sources, requirementOf, onRead, now } = options;
  const making = new Map<RequestContext, CacheRead<unknown>[]>();

  const fillWith =
    (make: (context: RequestContext) => Promise<WrittenAnswer>, context: RequestContext): FillMany<unknown> =>
    async (_keys, signal, deadline) => {
      const own = contextOfFill(context, signal, deadline);
      const parts: CacheRead<unknown>[] = [];
      making.set(own, parts);
      try {
        return [toAnswer(await make(own), parts, now())];
      } finally {
        making.delete(own);
      }
    };

  const answers: WholeAnswers = {
    give: async (question, make, context) => {
      const read = await answers.read(question, make, context);
      if ('error' in read) throw read.error;
      return read.value;
    },
    read: async <Written extends WrittenAnswer>(
      question: string,
      make: (context: RequestContext) => Promise<Written>,
      context: RequestContext,
    ) => {
      const { identity, isUserUnknown, signal, deadline } = context;
      // Of somebody unknown, private parts fail that a visitor just doesn't have.
      const visitor = isUserUnknown ? ' as ?' : '';
      const user = identity === undefined ? visitor : ` as ${keyOfUser(identity)}`;
      const requires = requirementOf?.(context);
      const [read] = await cache.readMany<Written>(
        [`answer${user} ${question}`],
        fillWith(make, context) as FillMany<Written>,
        { signal, deadline, sources, isWhole: true, requires, owner: identity?.subject },
      );
      if (read === undefined) throw new Error('the cache gave nothing');
      // What it was made of has been counted already, for the one who began.
      if (read.source !== 'fill') countReads([read], context);
      onRead?.(context, read);
      return read;
    },
  };
  return {
    answers,
    noteRead: (context: RequestContext, read: CacheRead<unknown>) => void making.get(context)?.push(read),
  };
}

/** A context for work that goes on when the one who began it leaves. */
function contextOfFill(context: RequestContext, signal: AbortSignal, deadline: Deadline): RequestContext {
  const { log, downstream } = context;
  return {
    ...context,
    log,
    downstream,
    signal,
    get endReason() {
      return signal.reason;
    },
    get deadline() {
      return deadline();
    },
  };
}

/** All that a whole is made from, by its parts: as old as the oldest of them, and as new as the newest. */
function toAnswer(
  value: WrittenAnswer,
  parts: readonly CacheRead<unknown>[],
  now: number,
): Answer<WrittenAnswer> {
  const sources = new Set<string>();
  const tags = new Set<string>();
  const seen = new Map<string, number>();
  let fence: Position | undefined;
  let readAt = now;
  let keep = value.isWhole && value.text.length <= maxTextLength && parts.length > 0;
  for (const part of parts) {
    if ('error' in part) {
      keep = false;
      continue;
    }
    keep &&= part.isKept;
    for (const source of part.sources) sources.add(source);
    for (const tag of part.tags) tags.add(tag);
    for (const { source, at } of part.seen ?? []) seen.set(source, Math.max(at, seen.get(source) ?? 0));
    if (part.byTime !== undefined) readAt = Math.min(readAt, now - part.ageMs);
    if (part.fence === undefined) continue;
    if (fence !== undefined && fence.epoch !== part.fence.epoch) keep = false;
    if (fence === undefined || part.fence.number < fence.number) fence = part.fence;
  }
  return {
    value,
    sources: [...sources],
    tags: [...tags],
    fence,
    seen: toSights(seen),
    readAt,
    keep,
  };
}

/** The latest look at a source has shown all that the others have. */
function toSights(seen: ReadonlyMap<string, number>): Sight[] {
  return [...seen].map(([source, at]) => ({ source, at }));
}
