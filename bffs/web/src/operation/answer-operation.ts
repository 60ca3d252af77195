import { hash } from 'node:crypto';
import { join } from 'node:path';
import type { WholeAnswers } from '@portico/coherent-cache/whole-answers.ts';
import { buildOf } from '@portico/runtime/build-of.ts';
import { unknownUser } from '@portico/runtime/identity.ts';
import { DeadlineExceeded, type RequestContext } from '@portico/runtime/request-context.ts';
import type { ErrorCode } from '../errors/error-codes.ts';
import type { WebContext } from '../web-context.ts';
import type { AnsweredOperation, Operation, OperationRunner } from './create-operation-runner.ts';

export interface AnswerOperationOptions {
  readonly run: OperationRunner['run'];
  readonly createContext: (context: RequestContext) => WebContext;
  readonly answers: WholeAnswers;
}

/**
 * What no kept answer may come from, wherever in the text it stands. Without these words a document has no mutation and no
 * subscription, as keywords can't be written otherwise; the schema is not among what changes are known of.
 */
const neverKept = /mutation|subscription|__schema|__type\b|@defer|@stream/;

/**
 * Answers operations. The answer to a query is kept as it was written, and given without looking into the query again until
 * something changes that it was made from. It depends on the text, the name of the operation, the variables and the user.
 */
export function createOperationAnswers({ run, createContext, answers }: AnswerOperationOptions) {
  const build = buildOf(join(import.meta.dirname, '..'));
  const execute = (operation: Operation, context: RequestContext) => run(operation, createContext(context));
  const answer = async (operation: Operation, context: RequestContext): Promise<AnsweredOperation> => {
    const question = questionOf(operation);
    if (question === undefined) return execute(operation, context);
    try {
      return await answers.give(`web ${build} ${question}`, (own) => execute(operation, own), context);
    } catch (error) {
      // As GraphQL has it: an answer that says which fields are not there.
      if (error instanceof DeadlineExceeded) return execute(operation, context);
      throw error;
    }
  };
  return async (operation: Operation, context: RequestContext): Promise<AnsweredOperation> => {
    const answered = await answer(operation, context);
    if (context.isUserUnknown && isAllRefused(answered)) throw unknownUser();
    return answered;
  };
}

/** Whether nothing was asked for but what needs to know the user. */
function isAllRefused({ text }: AnsweredOperation): boolean {
  const { data, errors = [] } = JSON.parse(text) as {
    readonly data?: object | null;
    readonly errors?: readonly { readonly extensions?: { readonly code?: ErrorCode } }[];
  };
  const isEmpty = Object.values(data ?? {}).every((value) => value === null);
  return isEmpty && errors.some(({ extensions }) => extensions?.code === 'USER_UNKNOWN');
}

/** All that the answer to an operation depends on; undefined where it must not be kept, or can't. */
function questionOf({ request, method, answerType }: Operation): string | undefined {
  return neverKept.test(request.query) ? undefined : digestOf({ request, method, answerType });
}

/** Another one for each operation; undefined where it can't be written. */
export function digestOf({ request, method, answerType }: Operation): string | undefined {
  const { query, operationName = null, variables } = request;
  try {
    // Method and type are of no matter to an answer that is kept, but to one with errors that several wait for.
    const text = JSON.stringify([query, operationName, variables, method, answerType]);
    return hash('sha256', text, 'base64url');
  } catch {
    // Variables that are nested too deep to be written.
    return undefined;
  }
}
