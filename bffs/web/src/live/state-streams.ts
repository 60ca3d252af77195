import { join } from 'node:path';
import { keyOfUser } from '@portico/coherent-cache/key-of-user.ts';
import type { WholeAnswers } from '@portico/coherent-cache/whole-answers.ts';
import { buildOf } from '@portico/runtime/build-of.ts';
import type { BeginStream, StreamEvent } from '@portico/runtime/event-stream.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { refuseInput } from '../errors/refusals.ts';
import { digestOf } from '../operation/answer-operation.ts';
import { answerTypes, type Operation, type OperationRunner } from '../operation/create-operation-runner.ts';
import type { WebContext } from '../web-context.ts';
import { followState } from './follow-state.ts';
import { createLiveAnswers, type LiveAnswersOptions } from './live-answers.ts';

export interface StateStreamsOptions extends LiveAnswersOptions {
  readonly readState: OperationRunner['readState'];
  readonly createContext: (context: RequestContext) => WebContext;
  readonly answers: WholeAnswers;
}

/** A stream of the states that a subscription shows. @param after the id of the last event that the client has */
export type StreamState = (
  operation: Operation,
  after: string | undefined,
  context: RequestContext,
) => BeginStream;

/**
 * Streams that share what they read. What a visitor may see as well is read as by a visitor, for all users together: so it can show
 * nothing that is private. Where a visitor is refused something, each user's answer is read for that user alone.
 */
export function createStateStreams(options: StateStreamsOptions): StreamState {
  const { readState, createContext, answers } = options;
  const live = createLiveAnswers(options);
  const build = buildOf(join(import.meta.dirname, '..'));

  const followAs = (operation: Operation, question: string, context: RequestContext) => () => {
    const { identity, isUserUnknown } = context;
    // Somebody unknown is told other things than a visitor, and shares no reading with those who are refused nothing by that.
    const visitor = isUserUnknown ? ' as ?' : '';
    const user = identity === undefined ? visitor : ` as ${keyOfUser(identity)}`;
    return live.follow(question + user, context, (own) =>
      answers.read(question, (making) => readState(operation, createContext(making)), own),
    );
  };
  return ({ request }, after, context) => {
    const operation: Operation = { request, method: 'POST', answerType: answerTypes[0] };
    const digest = digestOf(operation);
    if (digest === undefined) return refuse;
    const question = `web live ${build} ${digest}`;
    const users = [undefined, ...(context.identity === undefined ? [] : [context.identity])];
    const token = context.consistency?.token();
    return (signal) => {
      const follow = users.map((identity) =>
        followAs(operation, question, { ...context, identity, consistency: undefined }),
      );
      return followState({ answers: follow, after, token }, signal);
    };
  };
}

/** Nothing could be shared, and nobody needs it. */
async function* refuse(): AsyncGenerator<StreamEvent> {
  const errors = [refuseInput('"variables" is nested too deep.').toJSON()];
  yield { event: 'next', data: JSON.stringify({ errors }) };
  yield { event: 'complete', data: '' };
}
