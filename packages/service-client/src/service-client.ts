import { setTimeout as delay } from 'node:timers/promises';
import type { OpenApiDocument } from '@portico/contracts/openapi.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { createRetryBudget } from '@portico/runtime/retry-budget.ts';
import type { Tracing } from '@portico/runtime/tracing.ts';
import { Pool } from 'undici';
import { createBreaker } from './breaker.ts';
import type { CallMetrics } from './call-metrics.ts';
import { type Exchanged, exchange } from './exchange.ts';
import type { GetBody, GetParameters, GetPath } from './operation-types.ts';
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

/** Calls one service, typed by its OpenAPI document. */
export interface ServiceClient<Paths> {
  readonly service: string;
  /** @throws ServiceError of any kind. */
  get<Path extends GetPath<Paths>>(
    path: Path,
    parameters: GetParameters<Paths, Path>,
    options: CallOptions,
  ): Promise<GetBody<Paths, Path>>;
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
  const breaker = createBreaker(service);
  const budget = createRetryBudget();
  const reads = describeReads(document);

  const needsUser = (path: string) => reads.get(path)?.needsUser ?? false;
  const credentials = (path: string, { identity }: RequestContext): Record<string, string> =>
    identity !== undefined && needsUser(path) ? { authorization: `Bearer ${identity.token}` } : {};

  const tryOnce = async (
    path: string,
    target: string,
    { context, signal, deadline: worthUntil = () => context.deadline }: CallOptions,
    deadline: number,
    resends: number,
  ) => {
    const startedAt = performance.now();
    const timeoutMs = Math.max(0, deadline - now());
    const worthMs = Math.min(timeoutMs, worthUntil() - now());
    let outcome = 'ok';
    let status: number | undefined;
    const span = tracing?.beginCall(context.traceparent, {
      method: 'GET',
      url: baseUrl,
      path: pathOf(target),
      route: path,
      resends,
    });
    const ended = context.downstream.begin();
    try {
      const answer = await exchange(pool, service, {
        method: 'GET',
        path: target,
        headers: {
          accept: 'application/json',
          'x-request-id': context.requestId,
          traceparent: span?.traceparent ?? context.traceparent,
          ...credentials(path, context),
          'portico-timeout-ms': String(Math.max(0, Math.floor(worthMs - wayBackMs))),
        },
        signal: signal ?? context.signal,
        timeoutMs,
        maxAnswerBytes,
      });
      status = answer.status;
      const body = judged(answer, service, worthMs < timeoutMs);
      if (reads.get(path)?.answer.Check(body) === true) return body;
      throw new ServiceError(
        service,
        'bad-answer',
        `answered ${path} in another shape than its document says`,
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

  const tryTwice = async (path: string, target: string, call: CallOptions): Promise<unknown> => {
    const deadline = now() + ownTimeoutMs;
    budget.countCall();
    try {
      return await breaker.run(() => tryOnce(path, target, call, deadline, 0));
    } catch (error) {
      const pauseMs = 5 + random() * 20;
      const again =
        error instanceof ServiceError && isWorthRetrying(error) && now() + pauseMs + wayBackMs < deadline;
      if (!again || !budget.takeRetry()) throw error;
      metrics.retries.inc({ service });
      await delay(pauseMs);
      return breaker.run(() => tryOnce(path, target, call, deadline, 1));
    }
  };

  return {
    service,
    needsUser,
    batchLimit: (path) => reads.get(path)?.batchLimit ?? 1,
    destroy: () => pool.destroy(),
    get: (path, parameters, call) =>
      tryTwice(path, toTarget(path, parameters as TargetParameters), call) as Promise<never>,
  };
}

/** A request target without its query. */
function pathOf(target: string): string {
  return target.split('?', 1)[0] ?? target;
}

/** The body of a 200; everything else as the error that it is. @param hurried it had less time than a call has */
function judged({ status, json }: Exchanged, service: string, hurried: boolean): unknown {
  if (status === 200) return json;
  // That a request had little time says nothing against the service.
  if (status === 504)
    throw new ServiceError(service, hurried ? 'cancelled' : 'timeout', 'answered 504', { status });
  if (status >= 500) throw new ServiceError(service, 'failed', `answered ${status}`, { status });
  if (status >= 400) {
    const { detail } = (json ?? {}) as { detail?: unknown };
    const said = typeof detail === 'string' ? { status, detail } : { status };
    throw new ServiceError(service, 'refused', `answered ${status}`, said);
  }
  throw new ServiceError(service, 'bad-answer', `answered ${status} to a read`, { status });
}
