import type { RequestContext } from '@portico/runtime/request-context.ts';
import { GraphQLError } from 'graphql';
import type { ErrorCode } from './error-codes.ts';

/** An argument has a value that can't be used. @param message what was expected and what came. */
export function refuseInput(message: string): GraphQLError {
  return refusal('BAD_USER_INPUT', message);
}

/** The request is made in a way that this can't be answered. */
export function refuseRequest(message: string): GraphQLError {
  return refusal('BAD_REQUEST', message);
}

/** What a command is about doesn't exist. */
export function refuseUnknown(kind: string, id: string): GraphQLError {
  return refusal('NOT_FOUND', `There is no ${kind} "${id.length > 60 ? `${id.slice(0, 60)}…` : id}".`);
}

/** @throws GraphQLError when nobody is signed in. Which role it takes, the service of the command says. */
export function requireUser(context: RequestContext): void {
  requireKnown(context);
  if (context.identity === undefined) throw refusal('UNAUTHENTICATED', 'This needs a user: sign in.');
}

/** @throws GraphQLError when it can't be said now who is signed in */
export function requireKnown({ isUserUnknown = false }: RequestContext): void {
  if (isUserUnknown) throw refusal('USER_UNKNOWN', 'Who you are can not be looked up at the moment.');
}

/** What a command is about can't be done any more. @param message of the service, for clients */
export function refuseConflict(message: string): GraphQLError {
  return refusal('CONFLICT', message);
}

/** What is read belongs to somebody else. */
export function refuseOthers(message: string): GraphQLError {
  return refusal('FORBIDDEN', message);
}

function refusal(code: ErrorCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}
