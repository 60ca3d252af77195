import type { StreamEvent } from '@portico/runtime/event-stream.ts';
import { unlessAborted } from '@portico/runtime/unless-aborted.ts';
import type { FollowedAnswer } from './live-answers.ts';
import type { LiveState } from './live-state.ts';
import { readStateId } from './state-id.ts';

export interface FollowStateOptions {
  /** The same answer as it is for a visitor, and then, for who is signed in, as it is for that user. */
  readonly answers: readonly (() => FollowedAnswer)[];
  /** The id of the last event that the client has. */
  readonly after: string | undefined;
  /** What the client has to see. */
  readonly token: string | undefined;
}

/** So a visitor is refused what a user may see. */
const refusals = ['UNAUTHENTICATED', 'FORBIDDEN'];

/** What somebody has whose id is none. */
const somethingElse = { epoch: '', digest: undefined, token: undefined };

/**
 * The states of an answer as events, until the signal aborts: first as it is now, unless the client has just that, and then as
 * it is whenever the next event is asked for and it is another one. Complete as soon as there is nothing to follow.
 */
export async function* followState(
  { answers, after, token }: FollowStateOptions,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  const shown = after === undefined ? undefined : (readStateId(after) ?? somethingElse);
  /** What the client has by now. */
  let has: { readonly epoch: string | undefined; readonly digest: string | undefined } = {
    epoch: shown?.epoch,
    digest: shown?.digest,
  };
  for (const [at, follow] of answers.entries()) {
    const answer = follow();
    try {
      await unlessAborted(answer.refresh(token, shown?.token), signal);
      for (;;) {
        const { changed, state } = answer;
        if (state !== undefined && isOfUser(state) && at + 1 < answers.length) break;
        // A subject that can't be read for a while is no news for who has it.
        if (state !== undefined && (has.digest === undefined || isNews(state))) {
          const { epoch = has.epoch, digest, id, text, hasData } = state;
          const isReset = has.epoch !== undefined && has.epoch !== epoch;
          if (isReset) yield { event: 'reset', data: '{}' };
          if (isReset || has.digest !== digest) yield { event: 'next', id, data: text };
          has = { epoch, digest };
          if (!hasData) {
            yield { event: 'complete', data: '' };
            return;
          }
        }
        await unlessAborted(changed, signal);
      }
    } finally {
      answer.leave();
    }
  }
}

const isOfUser = ({ codes }: LiveState) => codes.some((code) => refusals.includes(code));
const isNews = ({ hasData, codes }: LiveState) => hasData || codes.includes('NOT_FOUND');
