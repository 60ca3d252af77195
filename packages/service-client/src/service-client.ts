import { setTimeout as delay } from 'node:timers/promises';
import type { OpenApiDocument } from '@portico/contracts/openapi.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { createRetryBudget } from '@portico/runtime/retry-budget.ts';
import type { Tracing } from '@portico/runtime/tracing.ts';
import { Pool } from 'undici';
import { alwaysClosed, createBreaker } from './breaker.ts';
import type { CallMetrics } from './call-metrics.ts';
import { commandKey, describeCommands } from './command-operations.ts';
import { type Exchanged, type ExchangeRequest, exchange } from './exchange.ts';
import type {
  CommandBody,
  CommandMethod,
  CommandParameters,
  CommandPath,
  GetBody,
  GetParameters,
  GetPath,
} from './operation-types.ts';
import { describeReads, type TargetParameters, toTarget } from './read-operations.ts';
import { isWorthRetrying, ServiceError } from './service-error.ts';

export interface ServiceClientOptions {
  /** The service's name, for errors and metrics. */
  readonly service: string;
  readonly baseUrl: string;
  readonly document: OpenApiDocument;
  /** The time of one call with its retry, in milliseconds; the request's own deadline ends it sooner. */
  readonly timeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly maxAnswerBytes?: number;
  readonly maxConnections?: number;
  /** False where the caller goes slower by itself when calls fail, and one that fails says nothing of the next. */
  readonly breaks?: boolean;
  readonly now?: () => number;
  readonly tracing?: Tracing | undefined;
  /** A number in [0, 1), for the jitter before a retry. */
  readonly random?: () => number;
}

export interface CallOptions {
  /** The request on whose behalf the call is made: its ids travel along, the call is counted there. */
  readonly context: RequestContext;
  /** Ends the call instead of the context's signal, where the answer serves other requests as well. */
  readonly signal?: AbortSignal;
  /** Epoch milliseconds until when the answer is worth something, in place of the context's; it may be put off. */
  readonly deadline?: () => number;
}

/** What came of a command. */
export interface Done<Body> {
  readonly body: Body;
  /** The transaction that it was, as the service names it; undefined for a service that doesn't. */
  readonly commitId: string | undefined;
}

/** Calls one service, typed by its OpenAPI document. */
export interface ServiceClient<Paths> {
  readonly service: string;
  /** @throws ServiceError of any kind. */
  get<Path extends GetPath<Paths>>(
    path: Path,
    parameters: GetParameters<Paths, Path>,
    options: CallOptions,
  ): Promise<GetBody<Paths, Path>>;
  /**
   * Sends a command, once: nothing is tried again, as nobody knows what became of the first try.
   * @throws ServiceError of any kind; `refused` with the status and what the service said.
   */
  command<Method extends CommandMethod, Path extends CommandPath<Paths, Method>>(
    method: Method,
    path: Path,
    parameters: CommandParameters<Paths, Method, Path>,
    options: CallOptions,
  ): Promise<Done<CommandBody<Paths, Method, Path>>>;
  /** How many keys the service takes in one call of this path; 1 where its document marks no batch parameter. */
  batchLimit(path: GetPath<Paths>): number;
  /** Whether the answer of this path depends on the user, whose token is sent along then, and with no other path. */
  needsUser(path: GetPath<Paths>): boolean;
  /** Ends the connections, with whatever is under way on them. */
  destroy(): Promise<void>;
}

/** So much of the time that is left is kept for the way back: a service says itself that it was too late, and the page can
 * still be made without it. */
const wayBackMs = 25;

/**
 * A client for one service: a connection pool of its own, a total time for each call, one retry of reads within a
 * budget (this is the only layer that retries), a circuit breaker, and answers checked against the document.
 */
export function createServiceClient<Paths>(
  options: ServiceClientOptions,
  metrics: CallMetrics,
): ServiceClient<Paths> {
  const { service, document, baseUrl, tracing, now = Date.now, random = Math.random } = options;
  const { timeoutMs: ownTimeoutMs = 600, maxAnswerBytes = 4_000_000 } = options;
  const pool = new Pool(baseUrl, {
    connections: options.maxConnections ?? 32,
    connect: { timeout: options.connectTimeoutMs ?? 300 },
    pipelining: 1,
  });
  const breaker = options.breaks === false ? alwaysClosed : createBreaker(service);
  const budget = createRetryBudget();
  const reads = describeReads(document);
  const commands = describeCommands(document);

  const needsUser = (path: string) => reads.get(path)?.needsUser ?? false;
  const credentials = ({ withUser }: Call, { identity }: RequestContext): Record<string, string> =>
    identity !== undefined && withUser ? { authorization: `Bearer ${identity.token}` } : {};

  const tryOnce = async (
    call: Call,
    { context, signal, deadline: worthUntil = () => context.deadline }: CallOptions,
    deadline: number,
    resends: number,
  ): Promise<Exchanged> => {
    const { method, path, target } = call;
    const startedAt = performance.now();
    const timeoutMs = Math.max(0, deadline - now());
    const worthMs = Math.min(timeoutMs, worthUntil() - now());
    let outcome = 'ok';
    let status: number | undefined;
    const span = tracing?.beginCall(context.traceparent, {
      method,
      url: baseUrl,
      path: pathOf(target),
      route: path,
      resends,
    });
    const ended = context.downstream.begin();
    try {
      const answer = await exchange(pool, service, {
        method,
        path: target,
        headers: {
          accept: 'application/json',
          ...call.headers,
          'x-request-id': context.requestId,
          traceparent: span?.traceparent ?? context.traceparent,
          ...credentials(call, context),
          'portico-timeout-ms': String(Math.max(0, Math.floor(worthMs - wayBackMs))),
        },
        body: call.body,
        signal: signal ?? context.signal,
        timeoutMs,
        maxAnswerBytes,
      });
      status = answer.status;
      refuseFailure(answer, service, worthMs < timeoutMs);
      if (call.isAnswer(answer)) return answer;
      throw new ServiceError(
        service,
        'bad-answer',
        `answered ${status} to ${method} ${path}, or in another shape than its document says`,
        { status },
      );
    } catch (error) {
      outcome = (error as ServiceError).kind;
      throw error;
    } finally {
      ended();
      span?.end({ status, error: outcome === 'ok' ? undefined : outcome });
      metrics.duration.observe([service, outcome], (performance.now() - startedAt) / 1000);
    }
  };

  const tryTwice = async (call: Call, options: CallOptions): Promise<unknown> => {
    const deadline = now() + ownTimeoutMs;
    budget.countCall();
    try {
      return (await breaker.run(() => tryOnce(call, options, deadline, 0))).json;
    } catch (error) {
      const pauseMs = 5 + random() * 20;
      const again =
        error instanceof ServiceError && isWorthRetrying(error) && now() + pauseMs + wayBackMs < deadline;
      if (!again || !budget.takeRetry()) throw error;
      metrics.retries.inc({ service });
      await delay(pauseMs);
      return (await breaker.run(() => tryOnce(call, options, deadline, 1))).json;
    }
  };

  return {
    service,
    needsUser,
    batchLimit: (path) => reads.get(path)?.batchLimit ?? 1,
    destroy: () => pool.destroy(),
    get: (path, parameters, options) => {
      const call: Call = {
        method: 'GET',
        path,
        target: toTarget(path, parameters as TargetParameters),
        withUser: needsUser(path),
        isAnswer: ({ status, json }) => status === 200 && reads.get(path)?.answer.Check(json) === true,
      };
      return tryTwice(call, options) as Promise<never>;
    },
    command: async (method, path, parameters, options) => {
      const { header = {}, body, ...target } = parameters as TargetParameters & SentParameters;
      const operation = commands.get(commandKey(method, path));
      const call: Call = {
        method: toMethod[method],
        path,
        target: toTarget(path, target),
        withUser: operation?.needsUser ?? false,
        headers: body === undefined ? header : { ...header, 'content-type': 'application/json' },
        body: body === undefined ? undefined : JSON.stringify(body),
        isAnswer: ({ status, json }) =>
          operation?.answers.has(status) === true && (operation.answers.get(status)?.Check(json) ?? true),
      };
      const { json, headers } = await breaker.run(() => tryOnce(call, options, now() + ownTimeoutMs, 0));
      const commitId = headers['commit-id'];
      return { body: json as never, commitId: typeof commitId === 'string' ? commitId : undefined };
    },
  };
}

/** One call, with all that is the same for each try. */
interface Call {
  readonly method: ExchangeRequest['method'];
  /** As the document writes it. */
  readonly path: string;
  readonly target: string;
  readonly withUser: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Whether it is an answer that the document names. */
  readonly isAnswer: (answer: Exchanged) => boolean;
}

interface SentParameters {
  readonly header?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const toMethod = { post: 'POST', put: 'PUT', patch: 'PATCH', delete: 'DELETE' } as const;

/** A request target without its query. */
function pathOf(target: string): string {
  return target.split('?', 1)[0] ?? target;
}

/** Throws 4xx and 5xx as the errors that they are. @param hurried it had less time than a call has */
function refuseFailure({ status, json }: Exchanged, service: string, hurried: boolean): void {
  // That a request had little time says nothing against the service.
  if (status === 504)
    throw new ServiceError(service, hurried ? 'cancelled' : 'timeout', 'answered 504', { status });
  // Nor that it doesn't do what it was asked for.
  if (status >= 500 && status !== 501)
    throw new ServiceError(service, 'failed', `answered ${status}`, { status });
  if (status < 400) return;
  const { detail, type } = (json ?? {}) as { detail?: unknown; type?: unknown };
  throw new ServiceError(service, 'refused', `answered ${status}`, {
    status,
    ...(typeof detail === 'string' ? { detail } : {}),
    ...(typeof type === 'string' ? { problem: type } : {}),
  });
}
