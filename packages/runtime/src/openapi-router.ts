import type { IncomingMessage } from 'node:http';
import {
  type HttpMethod,
  httpMethods,
  type OpenApiDocument,
  type OpenApiOperation,
} from '@portico/contracts/openapi.ts';
import express, { type RequestHandler, type Response, Router } from 'express';
import { contextOf } from './http-app.ts';
import { admitUser, compileOperation } from './openapi-operation.ts';
import type { Answer, OperationHandlers, OperationRequest } from './openapi-types.ts';
import { Problem } from './problems.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface OpenApiRouterOptions<Body> {
  /** Checks every answer against the document and fails with 500 where it differs. For tests. */
  readonly validateAnswers?: boolean;
  /** The most that a body may have. */
  readonly maxBodyBytes?: number;
  /** Writes a success answer; JSON as it is when left out. */
  readonly writeAnswer?: (res: Response, answer: Answer<Body>) => void;
}

type AnyHandler = (request: OperationRequest<unknown>) => Promise<Answer<unknown>> | Answer<unknown>;

/**
 * Serves an OpenAPI 3.1 document: a route for every operation, parameters and bodies validated by the document's own
 * schemas before the handler runs, 401 and 403 for those whom its `security` doesn't name, 405 with `Allow` for other methods. What the document doesn't name is refused: an
 * unknown query parameter, or one given twice, is a 400.
 *
 * A path parameter that doesn't fit its schema can't name anything, so it is a 404.
 */
export function createOpenApiRouter<Operations>(
  document: OpenApiDocument,
  handlers: OperationHandlers<Operations>,
  options: OpenApiRouterOptions<unknown> = {},
): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const byId = handlers as unknown as Readonly<Record<string, AnyHandler>>;
  for (const [path, item] of Object.entries(document.paths)) {
    const route = router.route(toRoute(path));
    const served = httpMethods.filter((method) => item[method] !== undefined);
    for (const method of served) {
      const operation = item[method] as OpenApiOperation;
      const handler = byId[operation.operationId];
      if (handler === undefined) throw new Error(`no handler for operation ${operation.operationId}`);
      if (operation.security !== undefined) route[method](admit(operation));
      if (operation.requestBody !== undefined) {
        const { required = false } = operation.requestBody;
        route[method](bodyParser(options.maxBodyBytes ?? 100_000, required));
      }
      route[method](serve(path, operation, handler, document, options));
    }
    route.all(refuseMethod(served));
  }
  return router;
}

/** A path of a document (`/orders/{order-id}:cancel`) as Express writes it, with its own signs taken literally. */
function toRoute(path: string): string {
  const parts = path.split(/\{([^}]+)\}/);
  return parts
    .map((part, index) =>
      index % 2 === 1 ? `:${JSON.stringify(part)}` : part.replaceAll(/[\\:*{}()[\]?+!]/g, '\\$&'),
    )
    .join('');
}

/** Lets through whom the document's `security` names, before anything else of the request is looked at. */
function admit(operation: OpenApiOperation): RequestHandler {
  return (_req, res, next) => {
    admitUser(operation, contextOf(res));
    next();
  };
}

function bodyParser(limit: number, required: boolean): RequestHandler {
  const parse = express.json({ limit, inflate: false, type: 'application/json' });
  return (req, res, next) => {
    if (req.is('application/json')) return parse(req, res, next);
    if (!required && !hasBody(req)) return next();
    throw new Problem('unsupported-media-type', 'Send the body as application/json.');
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function refuseMethod(served: readonly HttpMethod[]): RequestHandler {
  const allowed = served.flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
  return (req) => {
    throw new Problem('method-not-allowed', `${req.method} is not allowed here: use ${allowed.join(', ')}.`, {
      headers: { Allow: allowed.join(', ') },
    });
  };
}

function serve(
  path: string,
  operation: OpenApiOperation,
  handler: AnyHandler,
  document: OpenApiDocument,
  options: OpenApiRouterOptions<unknown>,
): RequestHandler {
  const compiled = compileOperation(operation, document);
  const { writeAnswer = writeJson } = options;
  const bodyRequired = operation.requestBody?.required ?? false;
  return async (req, res) => {
    res.locals.route = path;
    const context = contextOf(res);
    const request = {
      ...compiled.read(req.params, req.originalUrl, req.headers),
      body: !bodyRequired && !hasBody(req) ? undefined : compiled.readBody(req.body),
      context,
    } as OperationRequest<unknown>;
    // What a handler waits for may not know of the deadline: a database that hangs, for one.
    const answer = await unlessAborted(Promise.resolve(handler(request)), context.signal);
    if (options.validateAnswers) compiled.checkAnswer(answer);
    res.status(answer.status ?? 200);
    for (const [name, value] of Object.entries(answer.headers ?? {})) res.setHeader(name, value);
    writeAnswer(res, answer);
  };
}

function writeJson(res: Response, answer: Answer<unknown>): void {
  if (answer.body === undefined) res.end();
  else res.json(answer.body);
}
