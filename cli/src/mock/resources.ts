import {
  type JsonSchema,
  type OpenApiDocument,
  type OpenApiMediaType,
  type OpenApiOperation,
  type OpenApiParameter,
  operationsOf,
} from '@portico/contracts/openapi.ts';
import { singular } from './parameter-words.ts';
import type { Shape, ShapeOf } from './schema-shapes.ts';

/** What a document says of the things that its service has. */
export interface Resources {
  /** The member that tells one thing of this kind from another. */
  keyOf(shape: Shape): string | undefined;
  /** For things that lie below others, as the reviews of a product: the member that names what they lie below. */
  parentOf(shape: Shape): Parent | undefined;
  /** Things that the document states as examples. */
  statedOf(shape: Shape): readonly Thing[];
}

export interface Parent {
  /** The things' own member; it may have none. */
  readonly property: string | undefined;
  /** Of the id of what they lie below. */
  readonly idSchema: JsonSchema;
}

export type Thing = Readonly<Record<string, unknown>>;

/** What is in an answer, by its schema. */
export interface AnswerShape {
  readonly shape: Shape;
  /** The kind of things in it, if it is a list of things. */
  readonly list: ListShape | undefined;
}

export interface ListShape {
  /** The member that holds the things; undefined if the answer itself is the list. */
  readonly property: string | undefined;
  readonly items: Shape;
}

const listMembers = ['items', 'data', 'results', 'content', 'entries', 'values', 'records', 'list'];

/** Learns from every operation of a document which things there are and how they are found. */
export function learnResources(document: OpenApiDocument, shapeOf: ShapeOf): Resources {
  const keys = new Map<string, string>();
  const parents = new Map<string, Parent>();
  const stated = new Map<string, Thing[]>();

  const keyOf = (shape: Shape) => ('id' in shape.properties ? 'id' : keys.get(shape.key));

  for (const { path, operation } of operationsOf(document)) {
    const { media } = answerOf(operation);
    if (media === undefined) continue;
    const { shape, list } = readAnswer(media.schema, shapeOf);
    const things = list?.items ?? shape;
    for (const { value } of Object.values(media.examples ?? {})) {
      stated.set(things.key, [...(stated.get(things.key) ?? []), ...thingsIn(value, list)]);
    }
    const batch = batchParameter(operation);
    const last = lastPathParameter(path, operation);
    const key = batch === undefined ? list === undefined && last : batch;
    if (key) {
      const found = propertyFor(key, things, shapeOf, singularNames(key.name, path));
      if (found !== undefined && !('id' in things.properties)) keys.set(things.key, found);
    } else if (list !== undefined && last !== undefined) {
      const names = singularNames(last.name, path).filter((name) => name !== 'id');
      const property = propertyFor(last, things, shapeOf, names);
      if (property !== 'id') parents.set(things.key, { property, idSchema: last.schema });
    }
  }
  return {
    keyOf,
    parentOf: (shape) => parents.get(shape.key),
    statedOf: (shape) => [...(stated.get(shape.key) ?? []), ...shape.examples.filter(isThing)],
  };
}

/** The one answer of an operation: its status, and what its body is. */
export function answerOf({ responses }: OpenApiOperation): {
  status: number;
  media: OpenApiMediaType | undefined;
} {
  const [status, response] = Object.entries(responses)[0] ?? ['200', { description: '' }];
  const content = 'content' in response ? response.content : undefined;
  return { status: Number(status), media: content?.['application/json'] };
}

/** A list of things, bare or in a member of an object that has no key of its own; else one thing or value. */
export function readAnswer(schema: JsonSchema, shapeOf: ShapeOf): AnswerShape {
  const shape = shapeOf(schema);
  return { shape, list: listIn(shape, shapeOf) };
}

export function listIn(shape: Shape, shapeOf: ShapeOf): ListShape | undefined {
  if (shape.type === 'array') {
    const items = shape.items === undefined ? undefined : shapeOf(shape.items);
    return items?.type === 'object' ? { property: undefined, items } : undefined;
  }
  if ('id' in shape.properties) return undefined;
  const lists = Object.entries(shape.properties).flatMap(([property, schema]) => {
    const { type, items } = shapeOf(schema);
    const things = items === undefined ? undefined : shapeOf(items);
    return type === 'array' && things?.type === 'object' ? [{ property, items: things }] : [];
  });
  return (
    lists.find(({ property }) => listMembers.includes(property)) ??
    (lists.length === 1 ? lists[0] : undefined)
  );
}

/** The parameter that takes many keys in one call. */
export function batchParameter({ parameters = [] }: OpenApiOperation): OpenApiParameter | undefined {
  const inQuery = parameters.filter((parameter) => parameter.in === 'query');
  return (
    inQuery.find((parameter) => parameter['x-portico-batch'] !== undefined) ??
    inQuery.find(({ name, schema }) => name.toLowerCase() === 'ids' && schema.type === 'array')
  );
}

export function lastPathParameter(
  path: string,
  { parameters = [] }: OpenApiOperation,
): OpenApiParameter | undefined {
  const name = [...path.matchAll(/\{([^}]+)\}/g)].at(-1)?.[1];
  return parameters.find((parameter) => parameter.in === 'path' && parameter.name === name);
}

/** What a member may be called that a parameter speaks of; for `{id}` in `/pets/{id}`: `petId`, `pet_id`, `id`. */
export function singularNames(parameter: string, path: string): string[] {
  const segments = path.split('/');
  const before = segments[segments.indexOf(`{${parameter}}`) - 1] ?? '';
  const named = [
    parameter,
    parameter.replace(/s$/, ''),
    ...['Id', '_id'].map((end) => singular(before) + end),
  ];
  return [...named.filter((name) => !/^_?id$/i.test(name)), 'id'];
}

/** The member of `shape` that a parameter speaks of: by the same named schema, else by its name. */
export function propertyFor(
  parameter: OpenApiParameter,
  shape: Shape,
  shapeOf: ShapeOf,
  names: readonly string[],
): string | undefined {
  const { name, items } = shapeOf(parameter.schema);
  const reference = items === undefined ? name : shapeOf(items).name;
  const members = Object.entries(shape.properties);
  const alike = members.filter(([, schema]) => reference !== undefined && shapeOf(schema).name === reference);
  const byName = (list: readonly (readonly [string, unknown])[]) =>
    names.find((wanted) => list.some(([member]) => member === wanted));
  return byName(alike) ?? alike[0]?.[0] ?? byName(members);
}

function thingsIn(value: unknown, list: ListShape | undefined): Thing[] {
  const found = list?.property === undefined ? value : (value as Thing | null)?.[list.property];
  return [found].flat().filter(isThing);
}

export function isThing(value: unknown): value is Thing {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
