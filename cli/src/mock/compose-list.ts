import type { OpenApiOperation } from '@portico/contracts/openapi.ts';
import { mergeSent } from './merge-sent.ts';
import type { Compose, MockParts, MockRequest, Route } from './mock-route.ts';
import type { Page } from './page.ts';
import { isCalled, listWords, valueCalled } from './parameter-words.ts';
import {
  batchParameter,
  type ListShape,
  lastPathParameter,
  propertyFor,
  singularNames,
  type Thing,
} from './resources.ts';
import type { Shape } from './schema-shapes.ts';
import { seedOf } from './seed.ts';

/** A list of things: those asked for by id, or one page of all. */
export function composeList(
  route: Route,
  shape: Shape,
  list: ListShape,
  { data, resources, shapeOf }: MockParts,
): Compose {
  const { items } = list;
  const batch = batchParameter(route.operation);
  const last = lastPathParameter(route.path, route.operation);
  const parent = last && resources.parentOf(items);
  const inAnswer = (page: Page): unknown => {
    if (list.property === undefined) return page.items;
    const around = data.value(shape.schema, seedOf(route.operation.operationId)) as Thing;
    return { ...mergeSent(around, data.pageMembers(shape, page)), [list.property]: page.items };
  };
  const whole = isPaged(route.operation) ? {} : { limit: Number.POSITIVE_INFINITY };
  return ({ path, query }: MockRequest): unknown => {
    const ids = batch && query[batch.name];
    if (batch !== undefined && ids !== undefined) {
      const key = propertyFor(batch, items, shapeOf, singularNames(batch.name, route.path));
      const { limit } = pageRequest(query);
      const found = [ids].flat().map((id) => withMember(data.named(items, id, limit), key, id));
      return inAnswer({ items: found, cursors: [], end: found.length, total: found.length });
    }
    const below = last === undefined ? undefined : path[last.name];
    const { limit = whole.limit, ...request } = pageRequest(query);
    const page = data.page(items, {
      ...request,
      limit,
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

/** Whether one answer can't be all of it. */
export function isPaged(operation: OpenApiOperation): boolean {
  const names = (operation.parameters ?? []).map(({ name }) => name);
  const turns = (['cursor', 'offset', 'page'] as const).some((word) =>
    names.some((name) => isCalled(word, name)),
  );
  return turns || batchParameter(operation) !== undefined;
}
