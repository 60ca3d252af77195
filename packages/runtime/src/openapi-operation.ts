import type { OpenApiDocument, OpenApiOperation } from '@portico/contracts/openapi.ts';
import { requireIdentity, requireRole } from './identity.ts';
import { compileSchema, resolveReference, type SchemaError, type Validator } from './openapi-schema.ts';
import type { Answer, OperationRequest } from './openapi-types.ts';
import { Problem } from './problems.ts';
import type { RequestContext } from './request-context.ts';

/** @throws Problem `unauthenticated` or `forbidden` for those whom the operation's `security` doesn't name */
export function admitUser({ security }: OpenApiOperation, context: RequestContext): void {
  if (security === undefined) return;
  const [{ bearer: roles }] = security;
  if (roles.length === 0) requireIdentity(context);
  else requireRole(context, ...roles);
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

/** An operation of a document, ready to be asked for. */
export interface CompiledOperation {
  /**
   * What a request says, checked by the document's own schemas.
   * @param params of the path, decoded; `url` and `headers` as they came
   * @throws Problem for what the document doesn't allow; `not-found` for a path parameter that can't name anything
   */
  read(
    params: Readonly<Record<string, unknown>>,
    url: string,
    headers: Readonly<Record<string, unknown>>,
  ): Pick<OperationRequest<unknown>, 'path' | 'query' | 'headers'>;
  /** @throws Problem for a body that the document doesn't allow */
  readBody(body: unknown): unknown;
  /** @throws Error for an answer that the document doesn't allow */
  checkAnswer(answer: Answer<unknown>): void;
}

export function compileOperation(operation: OpenApiOperation, document: OpenApiDocument): CompiledOperation {
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
  const inPath = readers('path');
  const inQuery = readers('query');
  const inHeader = readers('header');
  const bodySchema = operation.requestBody?.content['application/json']?.schema;
  const body = bodySchema === undefined ? undefined : compile(bodySchema);
  return {
    read: (params, url, headers) =>
      ({
        path: readPath(inPath, params),
        query: readQuery(inQuery, url),
        headers: readHeaders(inHeader, headers),
      }) as unknown as ReturnType<CompiledOperation['read']>,
    readBody: (given) => (body === undefined ? undefined : readBody(body, given)),
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
