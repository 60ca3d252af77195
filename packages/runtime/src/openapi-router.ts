import type { IncomingMessage } from 'node:http';
import {
  type HttpMethod,
  httpMethods,
  type OpenApiDocument,
  type OpenApiOperation,
} from '@portico/contracts/openapi.ts';
import express, { type RequestHandler, type Response, Router } from 'express';
import { contextOf } from './http-app.ts';
import { requireIdentity, requireRole } from './identity.ts';
import { compileSchema, resolveReference, type SchemaError, type Validator } from './openapi-schema.ts';
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
      if (operation.security !== undefined) route[method](admit(operation.security));
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
function admit([requirement]: NonNullable<OpenApiOperation['security']>): RequestHandler {
  const { bearer: roles } = requirement;
  return (_req, res, next) => {
    if (roles.length === 0) requireIdentity(contextOf(res));
    else requireRole(contextOf(res), ...roles);
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
  const validators = compileOperation(operation, document);
  const { writeAnswer = writeJson } = options;
  const bodyRequired = operation.requestBody?.required ?? false;
  return async (req, res) => {
    res.locals.route = path;
    const context = contextOf(res);
    const request = {
      path: readPath(validators.path, req.params),
      query: readQuery(validators.query, req.originalUrl),
      headers: readHeaders(validators.header, req.headers),
      body:
        validators.body === undefined || (!bodyRequired && !hasBody(req))
          ? undefined
          : readBody(validators.body, req.body),
      context,
    } as OperationRequest<unknown>;
    // What a handler waits for may not know of the deadline: a database that hangs, for one.
    const answer = await unlessAborted(Promise.resolve(handler(request)), context.signal);
    if (options.validateAnswers) validators.checkAnswer(answer);
    res.status(answer.status ?? 200);
    for (const [name, value] of Object.entries(answer.headers ?? {})) res.setHeader(name, value);
    writeAnswer(res, answer);
  };
}

function writeJson(res: Response, answer: Answer<unknown>): void {
  if (answer.body === undefined) res.end();
  else res.json(answer.body);
}

interface ParameterReader {
  readonly name: string;
  readonly required: boolean;
  readonly type: string;
  readonly itemType: string | undefined;
  /** A list comes as one value for each item (`tag=a&tag=b`), not as one that is separated by commas. */
  readonly exploded: boolean;
  readonly fallback: unknown;
  readonly validator: Validator;
}

function compileOperation(operation: OpenApiOperation, document: OpenApiDocument) {
  const compile = (schema: object) => compileSchema(schema, document);
  const readers = (where: string): ParameterReader[] =>
    (operation.parameters ?? [])
      .filter((parameter) => parameter.in === where)
      .map((parameter) => {
        const schema = resolveReference(parameter.schema ?? {}, document) as Record<string, unknown>;
        const items = resolveReference((schema.items ?? {}) as object, document) as Record<string, unknown>;
        return {
          name: parameter.name,
          required: parameter.required ?? false,
          type: String(schema.type ?? 'string'),
          itemType: items.type === undefined ? undefined : String(items.type),
          exploded: where === 'query' && schema.type === 'array' && parameter.explode === true,
          fallback: schema.default,
          validator: compile(schema),
        };
      });
  const bodySchema = operation.requestBody?.content['application/json']?.schema;
  return {
    path: readers('path'),
    query: readers('query'),
    header: readers('header'),
    body: bodySchema === undefined ? undefined : compile(bodySchema),
    checkAnswer: answerCheck(operation, document, compile),
  };
}

function answerCheck(
  operation: OpenApiOperation,
  document: OpenApiDocument,
  compile: (schema: object) => Validator,
) {
  return (answer: Answer<unknown>): void => {
    const status = String(answer.status ?? 200);
    const response = operation.responses[status];
    if (response === undefined)
      throw new Error(`${operation.operationId} answered ${status}, which its document doesn't name`);
    const { content } = resolveReference(response, document) as {
      content?: Record<string, { schema?: object }>;
    };
    const schema = content?.['application/json']?.schema;
    if (schema === undefined) return;
    // Through JSON, so that what is checked is what is sent.
    const sent: unknown = JSON.parse(JSON.stringify(answer.body));
    const [, errors] = compile(schema).Errors(sent);
    if (errors.length > 0) {
      const reasons = errors.map((error) => `${error.instancePath} ${error.message}`).join('; ');
      throw new Error(`${operation.operationId} answered what its document doesn't allow: ${reasons}`);
    }
  };
}

function readPath(readers: readonly ParameterReader[], params: Readonly<Record<string, unknown>>) {
  const entries = readers.map(({ name, type, validator }) => {
    const value = fromText(String(params[name]), type);
    if (!validator.Check(value)) throw new Problem('not-found', `Nothing has this ${name}.`);
    return [name, value];
  });
  return Object.fromEntries(entries);
}

function readQuery(readers: readonly ParameterReader[], url: string) {
  const given = new URLSearchParams(url.slice(url.indexOf('?') + 1 || url.length));
  const known = readers.map((reader) => reader.name);
  const exploded = readers.filter((reader) => reader.exploded).map((reader) => reader.name);
  for (const name of given.keys()) {
    if (!known.includes(name)) {
      const choice =
        known.length === 0 ? 'This endpoint has none.' : `This endpoint has: ${known.join(', ')}.`;
      throw new Problem('invalid-request', `There is no query parameter ${quoted(name)}. ${choice}`);
    }
    if (given.getAll(name).length > 1 && !exploded.includes(name)) {
      throw new Problem('invalid-request', `The query parameter "${name}" was given more than once.`);
    }
  }
  return readParameters(readers, 'query parameter', (name) =>
    given.has(name) ? given.getAll(name) : undefined,
  );
}

function readHeaders(readers: readonly ParameterReader[], headers: Readonly<Record<string, unknown>>) {
  return readParameters(readers, 'header', (name) => {
    const value = headers[name.toLowerCase()];
    return value === undefined ? undefined : [String(value)];
  });
}

function readParameters(
  readers: readonly ParameterReader[],
  kind: string,
  read: (name: string) => readonly string[] | undefined,
) {
  const values: Record<string, unknown> = {};
  for (const reader of readers) {
    const texts = read(reader.name);
    const key = kind === 'header' ? reader.name.toLowerCase() : reader.name;
    if (texts === undefined) {
      if (reader.required) throw new Problem('invalid-request', `The ${kind} "${reader.name}" is missing.`);
      if (reader.fallback !== undefined) values[key] = reader.fallback;
      continue;
    }
    const text = texts.join(',');
    const items = reader.exploded ? texts : text.split(',');
    const value =
      reader.type === 'array'
        ? items.map((item) => fromText(item, reader.itemType))
        : fromText(text, reader.type);
    const [valid, errors] = reader.validator.Errors(value);
    if (!valid) {
      throw new Problem(
        'invalid-request',
        `The ${kind} "${reader.name}" ${reason(errors)}, got ${quoted(text)}.`,
      );
    }
    values[key] = value;
  }
  return values;
}

/** Text as the schema's type where it is written just so; else the text, which the schema then refuses. */
function fromText(text: string, type: string | undefined): unknown {
  if (type === 'integer' && /^-?(0|[1-9][0-9]{0,15})$/.test(text)) return Number(text);
  if (type === 'number' && /^-?[0-9]{1,15}(\.[0-9]{1,15})?$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function readBody(validator: Validator, body: unknown): unknown {
  const [valid, errors] = validator.Errors(body);
  if (valid) return body;
  const at = errors.find((error) => error.instancePath !== '')?.instancePath ?? '';
  throw new Problem('invalid-request', `The body${at === '' ? '' : ` at ${quoted(at)}`} ${reason(errors)}.`);
}

function reason(errors: readonly SchemaError[]): string {
  const reasons = new Set(errors.filter(({ keyword }) => keyword !== 'boolean').map(toReason));
  return [...reasons].slice(0, 3).join(' and ') || 'is not valid';
}

function toReason({ keyword, message, params }: SchemaError): string {
  return keyword === 'enum' ? `must be one of ${params.allowedValues?.join(', ')}` : message;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
