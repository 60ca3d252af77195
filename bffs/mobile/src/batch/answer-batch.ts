import type { components, operations } from '@portico/contracts/generated/mobile.ts';
import { logProblem } from '@portico/runtime/http-app.ts';
import type { OpenApiGet } from '@portico/runtime/openapi-get.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { type Problem, problemBody, toProblem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { namesTag } from '../entity-tag.ts';
import { commandAnswer, WrittenScreen } from '../screen-answer.ts';
import { toServiceProblem } from '../service-failure.ts';

type BatchRequest = components['schemas']['BatchRequest'];
type BatchedAnswer = components['schemas']['BatchedAnswer'];

/**
 * Several GETs as one request: of one user, within one time, side by side. One that fails is answered with its problem. What an
 * answer took, and what its client has seen, is said once, of all together.
 */
export function answerBatch(get: OpenApiGet): OperationHandlers<operations>['batch'] {
  return async ({ body: { requests }, context }) => {
    const responses = await Promise.all(requests.map((request) => answerOne(get, request, context)));
    return commandAnswer({ responses }, context);
  };
}

async function answerOne(
  get: OpenApiGet,
  { id, url, headers }: BatchRequest,
  context: RequestContext,
): Promise<BatchedAnswer> {
  const named = id === undefined ? {} : { id };
  try {
    const answer = await get(url, context);
    if (!(answer.body instanceof WrittenScreen)) throw new TypeError(`the answer to ${url} is no screen`);
    const { tag } = answer.body;
    const fields = { 'Cache-Control': answer.headers?.['Cache-Control'] ?? 'no-store', ETag: tag };
    if (namesTag(headers?.['If-None-Match'], tag)) return { ...named, status: 304, headers: fields };
    const type = { 'Content-Type': 'application/json; charset=utf-8' };
    // As JSON, it is the screen.
    const body = answer.body as unknown as NonNullable<BatchedAnswer['body']>;
    return { ...named, status: 200, headers: { ...type, ...fields }, body };
  } catch (error) {
    // Nobody waits for the others either.
    if (context.signal.aborted) throw error;
    const problem = toProblem(toServiceProblem(error));
    logProblem(problem, context);
    return { ...named, ...toAnswer(problem, context.requestId) };
  }
}

function toAnswer(problem: Problem, requestId: string): Omit<BatchedAnswer, 'id'> {
  return {
    status: problem.status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      ...problem.headers,
    },
    body: JSON.parse(problemBody(problem, requestId)),
  };
}
