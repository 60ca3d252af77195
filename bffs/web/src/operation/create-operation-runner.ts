import { type ExecutionResult, execute, type GraphQLSchema } from 'graphql';
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

/** An answer as it is sent. */
export interface AnsweredOperation {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** It has all that was asked for, and no errors. */
  readonly isWhole: boolean;
}

/** One result of a subscription after the other. */
export type OperationResults = AsyncIterable<ExecutionResult>;

/** Executes one operation; everything that can go wrong with it is in the answer. */
export interface OperationRunner {
  run(operation: Operation, context: WebContext): Promise<AnsweredOperation>;
  /** As `run`; gives the results of a subscription as they come. */
  subscribe(operation: Operation, context: WebContext): Promise<AnsweredOperation | OperationResults>;
  /** Answers a subscription of what something is now, with that. */
  readState(operation: Operation, context: WebContext): Promise<AnsweredOperation>;
}

export interface OperationRunnerOptions {
  /** Shows the schema to whoever asks for it. */
  readonly openSchema: boolean;
}

interface RunnerContext extends WebContext {
  readonly operation: OperationRequest;
  readonly outcome: { isWhole: boolean; results?: OperationResults };
  /** What a subscription shows now is the whole answer. */
  readonly isOfState: boolean;
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
      useStates(),
      useOperationLimits(schema, operationLimits),
      useStrictValidation(options),
      useClientErrors(),
      useOutcome(),
    ],
  });
  const begin = async (
    { request, method, answerType }: Operation,
    context: WebContext,
    isOfState: boolean,
  ): Promise<AnsweredOperation | OperationResults> => {
    const outcome: RunnerContext['outcome'] = { isWhole: false };
    const { status, headers, text } = await writtenBy(
      yoga.fetch(
        'http://web.invalid/graphql',
        { method, headers: { accept: answerType } },
        { ...context, operation: request, outcome, isOfState },
      ),
    );
    return outcome.results ?? { status, headers, text, isWhole: outcome.isWhole && status === 200 };
  };
  const answer = async (operation: Operation, context: WebContext, isOfState: boolean) => {
    const answered = await begin(operation, context, isOfState);
    if ('text' in answered) return answered;
    throw new Error('a subscription began for somebody who takes no events');
  };
  return {
    subscribe: (operation, context) => begin(operation, context, false),
    run: (operation, context) => answer(operation, context, false),
    readState: (operation, context) => answer(operation, context, true),
  };
}

async function writtenBy(answering: Response | Promise<Response>) {
  const answer = await answering;
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    text: await answer.text(),
  };
}

/** Says whether an answer has all that was asked for, and takes the results of a subscription as they are. */
function useOutcome(): Plugin<object, RunnerContext> {
  return {
    onResultProcess({ result, setResultProcessor, serverContext }) {
      if (Symbol.asyncIterator in result) {
        serverContext.outcome.results = result as OperationResults;
        setResultProcessor((_, { Response }) => new Response(null), 'text/event-stream');
        return;
      }
      serverContext.outcome.isWhole = 'data' in result && result.errors === undefined;
    },
  };
}

/** Executes a subscription as if it were a query, where what it shows now is asked for. */
function useStates(): Plugin<object, RunnerContext> {
  return {
    onSubscribe({ args, setSubscribeFn }) {
      if ((args.contextValue as Partial<RunnerContext>).isOfState) setSubscribeFn(execute);
    },
  };
}

/** Takes the operation as it was read already, instead of from the body. */
function useOperationRequest(): Plugin<object, RunnerContext> {
  return {
    onRequestParse({ serverContext, setRequestParser }) {
      setRequestParser(() => ({ ...serverContext.operation }));
    },
  };
}
