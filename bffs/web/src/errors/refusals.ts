import { GraphQLError } from 'graphql';
import type { ErrorCode } from './error-codes.ts';

/** An argument has a value that can't be used. @param message what was expected and what came. */
export function refuseInput(message: string): GraphQLError {
  return refusal('BAD_USER_INPUT', message);
}

/** The schema has it, but there is nothing behind it yet. */
export function refuseUnsupported(message: string): GraphQLError {
  return refusal('NOT_SUPPORTED', message);
}

function refusal(code: ErrorCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}
