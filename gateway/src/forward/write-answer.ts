import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AnswerFields } from './answer-fields.ts';
import { toAnswerHead } from './answer-head.ts';
import type { Scheme } from './client-scheme.ts';
import { addConsistencyCookie } from './consistency-cookie.ts';
import { makePrivate } from './private-answer.ts';

export interface AnswerOptions {
  readonly requestId: string;
  readonly answerFields: AnswerFields;
  /** Gives the client, which comes by this scheme, a cookie with the token of the answer. */
  readonly consistencyCookie?: Scheme | undefined;
  /** No cache but the client's own may keep the answer. */
  readonly isPrivate?: boolean;
}

/**
 * Writes the upstream's answer to the client as it comes. An answer that breaks off is not ended, so that it never looks
 * complete.
 * @returns whether it is an event stream
 * @throws Error when the answer can't be passed on; nothing has been written then
 */
export function writeAnswer(
  answer: IncomingMessage,
  res: ServerResponse,
  { requestId, answerFields, consistencyCookie, isPrivate = false }: AnswerOptions,
): boolean {
  const { status, fields, isEventStream } = toAnswerHead(answer, requestId, answerFields);
  if (isPrivate) makePrivate(fields);
  if (consistencyCookie !== undefined) addConsistencyCookie(fields, consistencyCookie);
  res.writeHead(status, fields);
  // The first event may be long in coming; the client should know at once that it is connected.
  if (isEventStream) res.flushHeaders();
  answer.pipe(res);
  return isEventStream;
}
