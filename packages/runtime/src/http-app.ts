import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import { createAccessLog } from './access-log.ts';
import { AppRequest, AppResponse } from './app-messages.ts';
import type { Logger } from './log.ts';
import { type Metrics, routeLabel } from './metrics.ts';
import { asOneMiddleware } from './one-middleware.ts';
import { Problem, sendProblem, toProblem } from './problems.ts';
import { createRandomHex } from './random-hex.ts';
import {
  ClientGone,
  createRequestContext,
  DeadlineExceeded,
  type RequestContext,
  traceIdOf,
} from './request-context.ts';
import type { RequestEnd, Span, Tracing } from './tracing.ts';

export interface HttpAppOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Records requests as spans; none are when left out. */
  readonly tracing?: Tracing | undefined;
  /** The most that a request may take in this process, in milliseconds. */
  readonly timeoutMs: number;
  readonly now?: () => number;
  readonly newId?: () => string;
  /** False where the app itself gives its answers the field `X-Request-Id`. */
  readonly setsRequestId?: boolean;
  /** Steps that every request goes through first, in their order. */
  readonly pipeline?: readonly RequestHandler[];
  /** Says what an error means that only the app's own parts can tell, such as its database's. */
  readonly translateError?: (error: unknown) => unknown;
}

/**
 * An Express app in which every request has a context, a log line and a measurement, and every failure becomes a
 * problem. `mount` adds what the app is for.
 */
export function createHttpApp(options: HttpAppOptions, mount: (app: Express) => void): Express {
  const app = express();
  app.request = AppRequest.prototype as Request;
  app.response = AppResponse.prototype as Response;
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('case sensitive routing', true);
  app.set('strict routing', true);
  app.use(asOneMiddleware([beginRequest(app, options), ...(options.pipeline ?? [])]));
  mount(app);
  app.use(nothingHere);
  app.use(answerProblem(options));
  return app;
}

/** The context of the request that `res` answers. */
export function contextOf(res: Response): RequestContext {
  return res.locals.context;
}

function beginRequest(app: Express, options: HttpAppOptions): RequestHandler {
  const contextOptions = { newId: createRandomHex(16), ...options, newSpanId: createRandomHex(8) };
  const measure = createMeasure(options);
  const { setsRequestId = true, tracing } = options;
  return (req, res, next) => {
    const startedAt = performance.now();
    // Their prototypes are every app's.
    req.app = app;
    res.app = app;
    const span = tracing?.beginRequest(req);
    const context = createRequestContext(req, res, contextOptions, span?.traceparent);
    res.locals.context = context;
    if (setsRequestId) res.setHeader('X-Request-Id', context.requestId);
    res.on('close', () => measure(req, res, performance.now() - startedAt, span));
    next();
  };
}

/** Counts a request that is over, and writes its log line. */
function createMeasure({ log, metrics }: HttpAppOptions) {
  const accessLog = createAccessLog(log);
  return (
    { method, originalUrl }: Request,
    res: Response,
    ms: number,
    span: Span<RequestEnd> | undefined,
  ): void => {
    const context = contextOf(res);
    const status = res.writableFinished ? res.statusCode : 499;
    const route = routeLabel(res);
    metrics.requests.observe([knownMethod(method), route, status], ms / 1_000);
    const { requestId, cache } = context;
    accessLog({
      requestId,
      traceId: traceIdOf(context),
      method,
      path: originalUrl.split('?', 1)[0] ?? '',
      route,
      status,
      ms: Math.round(ms * 100) / 100,
    });
    span?.end({ route: res.locals.route, status, requestId, cache });
  };
}

/** A label with few values: a client can't grow the metrics by inventing methods. */
function knownMethod(method: string): string {
  return knownMethods.has(method) ? method : 'other';
}

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

const nothingHere: RequestHandler = () => {
  throw new Problem('not-found', 'No endpoint has this path.');
};

// Express tells error handlers from others by their four parameters.
const answerProblem =
  ({ metrics, translateError = (error) => error }: HttpAppOptions): ErrorRequestHandler =>
  (thrown, _req, res, _next) => {
    const error = translateError(thrown);
    const context = contextOf(res);
    const { endReason } = context;
    if (endReason instanceof ClientGone) {
      res.destroy();
      return;
    }
    const problem =
      endReason instanceof DeadlineExceeded && !(error instanceof Problem)
        ? new Problem('timeout', 'The request could not be answered in its time.', { cause: error })
        : toProblem(error);
    metrics.problems.inc({ route: routeLabel(res), problem: problem.problem });
    logProblem(problem, context);
    sendProblem(res, problem, context.requestId);
  };

/** What is wrong on our side with its stack; what clients or parts behind us bring about in a line, and no client mistakes. */
export function logProblem(problem: Problem, { log }: RequestContext): void {
  if (problem.problem === 'internal') log.error({ err: problem.cause ?? problem }, problem.message);
  else if (problem.status >= 502)
    log.warn({ problem: problem.problem, cause: String(problem.cause) }, problem.message);
}
