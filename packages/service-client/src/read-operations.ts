import { type OpenApiDocument, type OpenApiOperation, operationsOf } from '@portico/contracts/openapi.ts';
import { compileSchema, resolveReference, type Validator } from '@portico/runtime/openapi-schema.ts';

/** What a client needs to know of a GET. */
export interface ReadOperation {
  readonly batchLimit: number;
  /** Its document says that it takes a user, so it is sent the token of the one who asks. */
  readonly needsUser: boolean;
  readonly answer: Validator;
}

/** The GETs of a document, by path. */
export function describeReads(document: OpenApiDocument): Map<string, ReadOperation> {
  const reads = new Map<string, ReadOperation>();
  for (const { path, method, operation } of operationsOf(document)) {
    if (method !== 'get' || operation.responses['200'] === undefined) continue;
    const limits = (operation.parameters ?? []).map((parameter) => parameter['x-portico-batch'] ?? 1);
    const answer = answerValidator(operation, '200', document);
    if (answer === undefined) throw new TypeError(`GET ${path} answers with nothing`);
    reads.set(path, {
      batchLimit: Math.max(1, ...limits),
      needsUser: operation.security !== undefined,
      answer,
    });
  }
  return reads;
}

/** Checks what comes with this status; undefined where nothing does. */
export function answerValidator(
  operation: OpenApiOperation,
  status: string,
  document: OpenApiDocument,
): Validator | undefined {
  const { content } = resolveReference(operation.responses[status] ?? {}, document) as {
    content?: Record<string, { schema: object }>;
  };
  const schema = content?.['application/json']?.schema;
  if (schema === undefined) return undefined;
  return compileSchema(tolerateNewMembers(schema), { components: tolerateNewMembers(document.components) });
}

/** A copy of a schema that lets a service add members to its answers before its clients know them. */
function tolerateNewMembers<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(tolerateNewMembers) as T;
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).filter(
    ([key, value]) => !(key === 'additionalProperties' && value === false),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, tolerateNewMembers(value)])) as T;
}

export interface TargetParameters {
  readonly path?: object;
  readonly query?: object;
}

/** The request target of a GET: path parameters filled in, lists in the query joined by commas. */
export function toTarget(path: string, parameters: TargetParameters): string {
  const named = (parameters.path ?? {}) as Record<string, unknown>;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(named[name])));
  const query = Object.entries(parameters.query ?? {})
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${toQueryValue(value)}`);
  return query.length === 0 ? filled : `${filled}?${query.join('&')}`;
}

function toQueryValue(value: unknown): string {
  const values = Array.isArray(value) ? value : [value];
  return values.map((item) => encodeURIComponent(String(item))).join(',');
}
