import { Problem } from '@portico/runtime/problems.ts';
import type { Request } from 'express';

/** An operation that somebody wants executed (GraphQL over HTTP, section 5). */
export interface OperationRequest {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName?: string;
}

const parameterNames = ['query', 'variables', 'operationName', 'extensions'];

/**
 * Reads what was sent as a JSON body, already in `req.body` as bytes.
 * @throws Problem `unsupported-media-type` or `invalid-request`
 */
export function readPost(req: Request): OperationRequest {
  // Other types are what a form on another site could send without asking first.
  if (!isJson(req.headers['content-type'])) {
    throw new Problem('unsupported-media-type', 'Send the operation as application/json, in UTF-8.');
  }
  if (!Buffer.isBuffer(req.body) || req.body.length === 0) {
    throw new Problem('invalid-request', 'The body is empty. Send JSON with a "query".');
  }
  return readParameters(parseJson(decode(req.body), 'The body'));
}

/**
 * Reads what was sent in the query string.
 * @throws Problem `invalid-request`
 */
export function readGet(req: Request): OperationRequest {
  const search = req.originalUrl.slice(req.originalUrl.indexOf('?') + 1 || req.originalUrl.length);
  if (!isPercentEncodedUtf8(search)) {
    throw new Problem('invalid-request', 'The query string is not valid percent-encoded UTF-8.');
  }
  const given = new URLSearchParams(search);
  const parameters: Record<string, unknown> = {};
  for (const [name, value] of given) {
    if (given.getAll(name).length > 1) {
      throw new Problem('invalid-request', `The query parameter ${quoted(name)} was given more than once.`);
    }
    const isText = name === 'query' || name === 'operationName';
    // An empty value is what a form sends for a field that was left out.
    if (value !== '')
      parameters[name] = isText ? value : parseJson(value, `The query parameter ${quoted(name)}`);
  }
  return readParameters(parameters);
}

function readParameters(parameters: unknown): OperationRequest {
  if (!isObject(parameters)) throw new Problem('invalid-request', 'The body must be a JSON object.');
  const unknown = Object.keys(parameters).find((name) => !parameterNames.includes(name));
  if (unknown !== undefined) {
    const choice = parameterNames.join(', ');
    throw new Problem('invalid-request', `There is no parameter ${quoted(unknown)}. There are: ${choice}.`);
  }
  const { query, variables, operationName, extensions } = parameters;
  if (typeof query !== 'string') throw mustBe('query', 'a string', query);
  if (!isAbsent(operationName) && typeof operationName !== 'string') {
    throw mustBe('operationName', 'a string or null', operationName);
  }
  for (const [name, value] of Object.entries({ variables, extensions })) {
    if (!isAbsent(value) && !isObject(value)) throw mustBe(name, 'an object or null', value);
  }
  return {
    query,
    variables: isObject(variables) ? variables : {},
    // An empty name is what some clients send for an operation that has none.
    ...(typeof operationName === 'string' && operationName !== '' ? { operationName } : {}),
  };
}

function isJson(contentType: string | undefined): boolean {
  return /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(contentType ?? '');
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Problem('invalid-request', 'The body is not valid UTF-8.', { cause: error });
  }
}

function isPercentEncodedUtf8(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem('invalid-request', `${what} is not valid JSON.`, { cause: error });
  }
}

function mustBe(name: string, expected: string, value: unknown): Problem {
  const came = isAbsent(value)
    ? 'nothing'
    : Array.isArray(value)
      ? 'an array'
      : `a value of type ${typeof value}`;
  return new Problem('invalid-request', `"${name}" must be ${expected}, got ${came}.`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
