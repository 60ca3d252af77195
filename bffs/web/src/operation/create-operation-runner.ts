import type { GraphQLSchema } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { useClientErrors } from '../errors/use-client-errors.ts';
import type { WebContext } from '../web-context.ts';
import { createDocumentCache } from './document-cache.ts';
import { operationLimits } from './operation-limits.ts';
import type { OperationRequest } from './read-operation-request.ts';
import { useOperationLimits } from './use-operation-limits.ts';
import { useStrictValidation } from './use-strict-validation.ts';

/** The two types of a GraphQL answer (GraphQL over HTTP, section 6). */
export const answerTypes = ['application/json', 'application/graphql-response+json'] as const;
export type AnswerType = (typeof answerTypes)[number];

export interface Operation {
  readonly request: OperationRequest;
  readonly method: 'GET' | 'POST';
  readonly answerType: AnswerType;
}

/** Executes one operation; everything that can go wrong with it is in the answer. */
export type OperationRunner = (operation: Operation, context: WebContext) => Promise<Response>;

export interface OperationRunnerOptions {
  /** Shows the schema to whoever asks for it. */
  readonly openSchema: boolean;
}

interface RunnerContext extends WebContext {
  readonly operation: OperationRequest;
}

/** In characters; the documents take up to 30 MB then. */
const maxCachedDocumentLength = 100_000;

/**
 * Yoga, for what comes after an operation has been read from a request and before its answer is written: parsing,
 * limits, validation, execution and errors. Its own reading of requests, which takes forms and whole batches, is not
 * used, and neither are CORS and its pages.
 */
export function createOperationRunner(
  schema: GraphQLSchema,
  options: OperationRunnerOptions,
): OperationRunner {
  const yoga = createYoga<RunnerContext>({
    schema,
    logging: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    batching: false,
    // Errors are masked by useClientErrors, which knows the request that they belong to.
    maskedErrors: false,
    maxRequestBodySize: false,
    parserAndValidationCache: {
      documentCache: createDocumentCache(maxCachedDocumentLength),
      errorCache: { get: () => undefined, set: () => {} },
    },
    plugins: [
      useOperationRequest(),
      useOperationLimits(schema, operationLimits),
      useStrictValidation(options),
      useClientErrors(),
    ],
  });
  return async ({ request, method, answerType }, context) =>
    yoga.fetch(
      'http://web.invalid/graphql',
      { method, headers: { accept: answerType } },
      { ...context, operation: request },
    );
}

/** Takes the operation as it was read already, instead of from the body. */
function useOperationRequest(): Plugin<object, RunnerContext> {
  return {
    onRequestParse({ serverContext, setRequestParser }) {
      setRequestParser(() => ({ ...serverContext.operation }));
    },
  };
}
