import {
  type HttpMethod,
  httpMethods,
  type JsonSchema,
  type OpenApiContent,
  type OpenApiDocument,
  type OpenApiOperation,
  type OpenApiParameter,
  type OpenApiPathItem,
} from '@portico/contracts/openapi.ts';
import { resolveReference } from '@portico/runtime/openapi-schema.ts';
import { DocumentError } from './document-error.ts';
import { mapValues, normaliseSchema } from './normalise-schema.ts';

/** A document as somebody wrote it. */
export type RawDocument = Readonly<Record<string, unknown>>;
type Raw = Readonly<Record<string, unknown>>;

/** Header parameters that OpenAPI says to ignore: they follow from other parts of the document. */
const ignoredHeaders = ['accept', 'content-type', 'authorization'];

/**
 * Brings a checked OpenAPI 3.0 or 3.1 document into the form that `OpenApiDocument` promises: parameters and bodies in
 * their operations, every operation with an id of its own and one answer, of success, JSON bodies under
 * `application/json`, schemas of 3.1.
 * @throws DocumentError where the document contradicts itself.
 */
export function normaliseDocument(raw: RawDocument): OpenApiDocument {
  const follow = (value: unknown) => resolveReference((value ?? {}) as object, raw) as Raw;
  const ids = new Set<string>();
  const { title = 'Untitled', version = '0' } = (raw.info ?? {}) as { title?: string; version?: string };
  const components = (raw.components ?? {}) as { schemas?: Raw };
  return {
    openapi: '3.1.0',
    info: { title, version },
    paths: Object.fromEntries(
      Object.entries(raw.paths as Record<string, Raw>)
        .toSorted(([one], [other]) => compareWithoutParameters(one, other))
        .map(([path, item]) => [path, normaliseItem(path, follow(item), follow, ids)]),
    ),
    components: { schemas: mapValues(components.schemas ?? {}, normaliseSchema), responses: {} },
  };
}

/** A path with a fixed segment goes before one with a parameter in its place, as OpenAPI says of `/pets/mine`. */
function compareWithoutParameters(one: string, other: string): number {
  const rank = (path: string) => path.split('/').map(openness).join('');
  return rank(one) < rank(other) ? -1 : Number(rank(one) > rank(other));
}

function openness(segment: string): number {
  if (!segment.includes('{')) return 0;
  return /^\{[^}]+\}$/.test(segment) ? 2 : 1;
}

type Follow = (value: unknown) => Raw;

function normaliseItem(path: string, item: Raw, follow: Follow, ids: Set<string>): OpenApiPathItem {
  const methods = httpMethods.filter((method) => item[method] !== undefined);
  return Object.fromEntries(
    methods.map((method) => {
      const operation = item[method] as Raw;
      const operationId = idOf(operation, method, path, ids);
      const parameters = normaliseParameters(
        path,
        operationId,
        [item.parameters, operation.parameters],
        follow,
      );
      return [method, { operationId, parameters, ...normaliseBodies(operation, follow) }];
    }),
  );
}

function idOf(operation: Raw, method: HttpMethod, path: string, ids: Set<string>): string {
  const id = String(operation.operationId ?? `${method} ${path}`);
  if (ids.has(id)) throw new DocumentError(`the operationId "${id}" is there twice`);
  ids.add(id);
  return id;
}

/** Those of the path and those of the operation, which win. */
function normaliseParameters(path: string, id: string, lists: readonly unknown[], follow: Follow) {
  const byName = new Map<string, OpenApiParameter>();
  for (const given of lists.flatMap((list) => (list ?? []) as unknown[])) {
    const parameter = follow(given);
    const ignored =
      parameter.in === 'header' && ignoredHeaders.includes(String(parameter.name).toLowerCase());
    if (parameter.in === 'cookie' || ignored) continue;
    byName.set(`${parameter.in} ${parameter.name}`, normaliseParameter(parameter));
  }
  for (const [, name] of path.matchAll(/\{([^}]+)\}/g)) {
    if (!byName.has(`path ${name}`)) {
      throw new DocumentError(`${id}: the path parameter "${name}" of ${path} is not declared`);
    }
  }
  return [...byName.values()];
}

function normaliseParameter(parameter: Raw): OpenApiParameter {
  const { name, in: where, required, style, explode } = parameter;
  const batch = parameter['x-portico-batch'];
  return {
    name: String(name),
    in: where as OpenApiParameter['in'],
    required: required === true || where === 'path',
    // OpenAPI's default for a query parameter is a name for each item.
    explode: explode === undefined ? where === 'query' && (style ?? 'form') === 'form' : explode === true,
    schema: withOneType(normaliseSchema(parameter.schema ?? {})),
    ...(typeof batch === 'number' ? { 'x-portico-batch': batch } : {}),
  };
}

/** A parameter comes as text, so that only one type can be read from it. */
function withOneType(schema: JsonSchema): JsonSchema {
  const [only, ...more] = (schema.allOf ?? []) as JsonSchema[];
  if (only?.$ref !== undefined && more.length === 0) return { $ref: only.$ref };
  if (!Array.isArray(schema.type)) return schema;
  return { ...schema, type: schema.type.find((type) => type !== 'null') ?? 'string' };
}

function normaliseBodies(
  operation: Raw,
  follow: Follow,
): Pick<OpenApiOperation, 'requestBody' | 'responses'> {
  const { required, content } = follow(operation.requestBody) as { required?: boolean; content?: Raw };
  const requestContent = jsonContent(content, follow);
  const [status, response] = successOf((operation.responses ?? {}) as Raw);
  const { content: answers } = follow(response) as { content?: Raw };
  const answerContent = jsonContent(answers, follow);
  return {
    // A body in another form than JSON is taken unread.
    ...(requestContent && { requestBody: { required: required === true, content: requestContent } }),
    responses: { [status]: { description: '', ...(answerContent && { content: answerContent }) } },
  };
}

/** The answer of success that an operation states; 200 where it says `2XX` or `default`, or nothing of success. */
function successOf(responses: Raw): [status: string, response: unknown] {
  const stated = Object.keys(responses)
    .toSorted()
    .find((status) => /^2\d\d$/.test(status));
  return stated === undefined ? ['200', responses['2XX'] ?? responses.default] : [stated, responses[stated]];
}

/** The first JSON form of a body, with what is stated as examples of it. */
function jsonContent(content: Raw | undefined, follow: Follow): OpenApiContent | undefined {
  const found = Object.entries(content ?? {}).find(([type]) =>
    /^(application\/([\w.-]+\+)?json\b|\*\/\*)/.test(type),
  );
  if (found === undefined) return undefined;
  const { schema, example, examples } = found[1] as { schema?: unknown; example?: unknown; examples?: Raw };
  // An example that lies elsewhere (externalValue) is none here.
  const named = mapValues(examples ?? {}, (one) => ({ value: follow(one).value }));
  const stated = Object.entries(named).filter(([, one]) => one.value !== undefined);
  const all = {
    ...(example === undefined ? {} : { example: { value: example } }),
    ...Object.fromEntries(stated),
  };
  return { 'application/json': { schema: normaliseSchema(schema ?? {}), examples: all } };
}
