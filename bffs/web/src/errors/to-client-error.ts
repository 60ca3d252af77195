import type { RequestContext } from '@portico/runtime/request-context.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import { GraphQLError } from 'graphql';
import { type ErrorCode, errorCodes } from './error-codes.ts';
import { toServiceFailure } from './service-failure.ts';

/** How much of a message is sent: parsers and validators repeat what they were given, however long it is. */
const maxMessageLength = 400;

type Extensions = { readonly code: ErrorCode } & Readonly<Record<string, unknown>>;

/**
 * The error as its client may see it: a code from the closed list, the service that failed, nothing of how this API
 * works inside.
 */
export function toClientError(error: GraphQLError, { requestId, signal }: RequestContext): GraphQLError {
  const cause = rootCause(error);
  if (cause instanceof ServiceError) {
    const { message, ...extensions } = toServiceFailure(cause, signal);
    return withPlace(error, message, extensions);
  }
  const code = codeOfRefusal(error, cause);
  if (code !== undefined)
    return withPlace(error, error.message, { ...error.extensions, ...http(error, code), code });
  return withPlace(error, 'Something went wrong on our side. The log knows it by its requestId.', {
    code: 'INTERNAL',
    requestId,
    // Yoga answers 500 for this when there is no data at all, and doesn't send it.
    unexpected: true,
  });
}

/** Whether the error is one that `toClientError` hides behind `INTERNAL`. */
export function isUnexpected(error: GraphQLError): boolean {
  const cause = rootCause(error);
  return !(cause instanceof ServiceError) && codeOfRefusal(error, cause) === undefined;
}

/** What was thrown, below what GraphQL wrapped around it. */
export function rootCause(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError !== undefined
    ? rootCause(error.originalError)
    : error;
}

/**
 * The status of what was refused before anything was executed: as GraphQL over HTTP has it, 400, but 200 for those who
 * accept just `application/json` (`spec`). That a mutation can't come by GET is 405 for all.
 */
function http({ path }: GraphQLError, code: ErrorCode) {
  return path === undefined && code !== 'BAD_REQUEST' ? { http: { spec: true, status: 400 } } : {};
}

/** The code of what the client did wrong; undefined for everything else. */
function codeOfRefusal(error: GraphQLError, cause: unknown): ErrorCode | undefined {
  if (!(cause instanceof GraphQLError)) return undefined;
  const { code } = error.extensions;
  if (code === undefined) {
    // GraphQL gives no code to what it finds wrong with variables and arguments, and points at them.
    return error.nodes?.some(({ kind }) => kind !== 'Field') ? 'BAD_USER_INPUT' : undefined;
  }
  return errorCodes.find((known) => known === code);
}

function withPlace(error: GraphQLError, message: string, extensions: Extensions): GraphQLError {
  const { nodes, source, positions, path } = error;
  const short = message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message;
  return new GraphQLError(short, { nodes, source, positions, path, extensions });
}
