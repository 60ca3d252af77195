import {
  type HttpMethod,
  type JsonSchema,
  type OpenApiDocument,
  type OpenApiOperation,
  type OpenApiParameter,
  operationsOf,
} from '@portico/contracts/openapi.ts';
import type { Answer, OperationRequest } from '@portico/runtime/openapi-types.ts';
import { DocumentError } from './document-error.ts';
import { createDataMaker, type DataMaker } from './make-data.ts';
import { mergeSent } from './merge-sent.ts';
import { isCalled, listWords, singular, valueCalled } from './parameter-words.ts';
import {
  answerOf,
  batchParameter,
  isThing,
  type ListShape,
  lastPathParameter,
  learnResources,
  propertyFor,
  type Resources,
  readAnswer,
  singularNames,
  type Thing,
} from './resources.ts';
import { createShapes, type Shape, type ShapeOf } from './schema-shapes.ts';
import { seedOf } from './seed.ts';

type Request = Pick<OperationRequest<unknown>, 'body'> & {
  readonly path: Thing;
  readonly query: Thing;
};
export type MockHandlers = Readonly<Record<string, (request: Request) => Answer<unknown>>>;

interface Parts {
  readonly shapeOf: ShapeOf;
  readonly resources: Resources;
  readonly data: DataMaker;
}

interface Route {
  readonly path: string;
  readonly method: HttpMethod;
  readonly operation: OpenApiOperation;
}

/**
 * A handler for every operation of a document, from the document alone. They keep nothing between requests.
 * @throws DocumentError when no data fits a schema.
 */
export function createMockHandlers(document: OpenApiDocument): MockHandlers {
  const shapeOf = createShapes(document);
  const resources = learnResources(document, shapeOf);
  const parts = { shapeOf, resources, data: createDataMaker(shapeOf, resources) };
  return Object.fromEntries(
    operationsOf(document).map((route) => [route.operation.operationId, handle(route, parts)]),
  );
}

function handle(route: Route, parts: Parts): (request: Request) => Answer<unknown> {
  const { operation } = route;
  const { status, media } = answerOf(operation);
  if (media === undefined || status === 204) return () => ({ status, body: undefined });

  tryData(route, media.schema, parts);
  const { shape, list } = readAnswer(media.schema, parts.shapeOf);
  const stated = Object.values(media.examples ?? {}).map(({ value }) => value);
  const answersThing = list === undefined && parts.resources.keyOf(shape) !== undefined;
  if (stated.length > 0 && route.method === 'get' && !answersThing && !isPaged(operation)) {
    return ({ path }) => ({ status, body: stated[seedOf(path) % stated.length] });
  }
  const compose =
    list === undefined ? composeOne(route, shape, parts) : composeList(route, shape, list, parts);
  return (request) => ({ status, body: compose(request) });
}

/** What can't be made is found at the start, not by the first request. */
function tryData({ operation }: Route, schema: JsonSchema, { data }: Parts): void {
  try {
    data.value(schema, 0);
  } catch (error) {
    throw new DocumentError(`${operation.operationId}: no data can be made: ${(error as Error).message}`);
  }
}

/** Whether one answer can't be all of it. */
function isPaged(operation: OpenApiOperation): boolean {
  const names = (operation.parameters ?? []).map(({ name }) => name);
  const turns = (['cursor', 'offset', 'page'] as const).some((word) =>
    names.some((name) => isCalled(word, name)),
  );
  return turns || batchParameter(operation) !== undefined;
}

/** A list of things: those asked for by id, or one page of all. */
function composeList(route: Route, shape: Shape, list: ListShape, { data, resources, shapeOf }: Parts) {
  const { items } = list;
  const batch = batchParameter(route.operation);
  const last = lastPathParameter(route.path, route.operation);
  const parent = last && resources.parentOf(items);
  const inAnswer = (page: Parameters<DataMaker['pageMembers']>[1]): unknown => {
    if (list.property === undefined) return page.items;
    const around = data.value(shape.schema, seedOf(route.operation.operationId)) as Thing;
    return { ...mergeSent(around, data.pageMembers(shape, page)), [list.property]: page.items };
  };
  return ({ path, query }: Request): unknown => {
    const ids = batch && query[batch.name];
    if (batch !== undefined && ids !== undefined) {
      const key = propertyFor(batch, items, shapeOf, singularNames(batch.name, route.path));
      const { limit } = pageRequest(query);
      const found = [ids].flat().map((id) => withMember(data.named(items, id, limit), key, id));
      return inAnswer({ items: found, cursors: [], end: found.length, total: found.length });
    }
    const below = last === undefined ? undefined : path[last.name];
    const page = data.page(items, {
      ...pageRequest(query),
      below,
      filters: filtersOf(query, items, route.operation),
    });
    return inAnswer({ ...page, items: page.items.map((item) => withMember(item, parent?.property, below)) });
  };
}

function withMember(thing: Thing, name: string | undefined, value: unknown): Thing {
  return name === undefined ? thing : { ...thing, [name]: value };
}

function pageRequest(query: Thing) {
  const limit = valueCalled('limit', query);
  const size = typeof limit === 'number' ? limit : undefined;
  const number = valueCalled('page', query);
  const start =
    typeof number === 'number' ? Math.max(0, number - 1) * (size ?? 20) : valueCalled('offset', query);
  const after = valueCalled('cursor', query) ?? start;
  const sort = valueCalled('sort', query);
  return {
    limit: size,
    sort,
    after: typeof after === 'number' || typeof after === 'string' ? after : undefined,
  };
}

/**
 * What the query says of members: of `category`, also by `categoryId`. What it must say is no filter: a list that nobody
 * can ask for whole would mostly be empty.
 */
function filtersOf(query: Thing, { properties }: Shape, { parameters = [] }: OpenApiOperation): Thing {
  const optional = parameters.filter(({ name, required }) => !required && query[name] !== undefined);
  const filters = optional.flatMap(({ name }) => {
    const member = [name, name.replace(/_?id$/i, '')].find((one) => Object.hasOwn(properties, one));
    return member === undefined || listWords.some((word) => isCalled(word, name))
      ? []
      : [[member, query[name]]];
  });
  return Object.fromEntries(filters);
}

/** One thing, as it was asked for or sent; or a value that is no thing. */
function composeOne(route: Route, shape: Shape, { data, resources, shapeOf }: Parts) {
  const { path: pattern, method, operation } = route;
  const pathParameters = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
  const last = lastPathParameter(pattern, operation);
  const key = resources.keyOf(shape);
  const memberOf = (parameter: OpenApiParameter) => {
    const names = singularNames(parameter.name, pattern);
    const mayBeKey = parameter === last && !(method === 'post' && createsBelow(pattern));
    return propertyFor(parameter, shape, shapeOf, mayBeKey ? names : names.filter((name) => name !== 'id'));
  };
  const members = pathParameters.map((parameter) => [parameter.name, memberOf(parameter)] as const);
  const keyParameter = members.find(([, member]) => member !== undefined && member === key)?.[0];
  const created = method === 'post';
  const lastSegment = pattern.split('/').at(-1) ?? '';

  return ({ path, query, body }: Request): unknown => {
    const seed = seedOf(operation.operationId, path, query, body ?? null);
    const base =
      key === undefined
        ? data.value(shape.schema, seed)
        : data.named(
            shape,
            keyParameter === undefined ? idOf(body, key, created ? seed : 0) : path[keyParameter],
          );
    if (!isThing(base)) return base;
    const bound = members.flatMap(([parameter, member]) => {
      const fits = member !== undefined && shapeOf(shape.properties[member] ?? {}).fits(path[parameter]);
      return fits ? [[member, path[parameter]]] : [];
    });
    const answer = { ...base, ...Object.fromEntries(bound) };
    return isThing(body)
      ? { ...withSent(answer, body, shape, lastSegment, shapeOf), ...Object.fromEntries(bound) }
      : answer;
  };
}

/** Whether a POST to this path makes something new below what the path names, as `/pets/{id}/photos` does. */
function createsBelow(path: string): boolean {
  const segment = path.split('/').at(-1) ?? '';
  return !segment.includes('{') && singular(segment) !== segment;
}

/** As sent; else the first, or for what a POST makes a number that lists don't reach and the same POST gets again. */
function idOf(body: unknown, key: string, seed: number): unknown {
  const sent = isThing(body) ? body[key] : undefined;
  return sent ?? (seed === 0 ? 1 : 1_000 + (seed % 1_000_000));
}

/**
 * What was sent, in what is answered: `{ amount }` for `/products/{id}/price` goes to `price`. A value that the document
 * takes but doesn't give is left out.
 */
function withSent(
  answer: Thing,
  body: Thing,
  { properties }: Shape,
  lastSegment: string,
  shapeOf: ShapeOf,
): Thing {
  const inPart = isThing(answer[lastSegment]) && !Object.keys(body).some((name) => name in properties);
  if (inPart) return mergeSent(answer, { [lastSegment]: body });
  const known = Object.entries(body).filter(([name, value]) => {
    const member = shapeOf(properties[name] ?? {});
    return name in properties && (typeof value === 'object' || member.fits(value));
  });
  return mergeSent(answer, Object.fromEntries(known));
}
