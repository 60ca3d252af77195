/**
 * Every `extensions.code` that an error of the graph can have. The list is closed, so that clients can decide on each.
 *
 * - `BAD_USER_INPUT`: an argument or variable has a value that can't be used.
 * - `UNAUTHENTICATED`: nobody is signed in.
 * - `USER_UNKNOWN`: somebody is signed in, and it can't be looked up now who.
 * - `FORBIDDEN`: whoever is signed in may not do this.
 * - `NOT_FOUND`: what a command is about, or what is followed, doesn't exist (any more).
 * - `CONFLICT`: what a command is about does not allow it any more, such as cancelling what is shipped.
 * - `IDEMPOTENCY_CONFLICT`: the idempotency key was used for another command.
 * - `NOT_SUPPORTED`: the schema has it, but the service behind it doesn't do it, or can't yet.
 * - `LIMIT_EXCEEDED`: the operation is larger than this API executes; `limit` and `maximum` say which and how large.
 * - `GRAPHQL_PARSE_FAILED`: the document is not GraphQL.
 * - `GRAPHQL_VALIDATION_FAILED`: the document doesn't fit the schema.
 * - `OPERATION_RESOLUTION_FAILURE`: the document has no operation of that name, or several and no name was given.
 * - `BAD_REQUEST`: a mutation came by GET, or a subscription from somebody who takes no events.
 * - `SERVICE_UNAVAILABLE`: the service in `service` is away, or fails.
 * - `SERVICE_TIMEOUT`: the service in `service` didn't answer in time.
 * - `SERVICE_BAD_ANSWER`: the service in `service` gave an answer that can't be used.
 * - `REQUEST_TIMEOUT`: the time of the whole request was over.
 * - `INTERNAL`: an error on our side; the log knows it by `requestId`.
 */
export const errorCodes = [
  'BAD_USER_INPUT',
  'UNAUTHENTICATED',
  'USER_UNKNOWN',
  'FORBIDDEN',
  'NOT_FOUND',
  'CONFLICT',
  'IDEMPOTENCY_CONFLICT',
  'NOT_SUPPORTED',
  'LIMIT_EXCEEDED',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'BAD_REQUEST',
  'SERVICE_UNAVAILABLE',
  'SERVICE_TIMEOUT',
  'SERVICE_BAD_ANSWER',
  'REQUEST_TIMEOUT',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof errorCodes)[number];
