import type { JsonSchema } from '@portico/contracts/openapi.ts';
import { idAt, numberOf } from './entity-ids.ts';
import { makeArray } from './make-array.ts';
import { makeLeaf } from './make-leaf.ts';
import { makeText } from './make-text.ts';
import { composePage, type Page, type PageRequest, pageMembers } from './page.ts';
import { isThing, listIn, type Resources, type Thing } from './resources.ts';
import type { Shape, ShapeOf } from './schema-shapes.ts';
import { seedOf } from './seed.ts';

export interface DataMaker {
  /** Any value of a schema, which follows from `seed`. */
  value(schema: JsonSchema, seed: number): unknown;
  /**
   * The thing with this id: the same each time, wherever it appears. An id that doesn't fit the schema gets one that does.
   * At most `limit` of the things below it stand in it.
   */
  named(shape: Shape, id: unknown, limit?: number): Thing;
  /** A page of the things that lie below the one with the id `below`, or of all. */
  page(items: Shape, request: PageRequest): Page;
  /** What an object says around a page: cursors, totals. */
  pageMembers(shape: Shape, page: Page): Thing;
}

/** So many things are in a list, and so many below another. */
const listSize = 50;
const childrenSize = 10;

/** Where in a value something is made. */
interface Place {
  readonly depth: number;
  /** How many objects may still be made here that no schema requires; each shares its room among its members. */
  readonly room: number;
}

const top: Place = { depth: 0, room: 40 };
const complexTypes = ['object', 'array'];
/** No data is so deep: a schema that gets here requires itself. */
const hopelessDepth = 24;

function within({ depth, room }: Place, shares: number): Place {
  return { depth: depth + 1, room: room / Math.max(1, shares) };
}

/** Makes data from schemas. Everything follows from schemas and ids, so that it is the same in every process. */
export function createDataMaker(shapeOf: ShapeOf, resources: Resources): DataMaker {
  const value = (schema: JsonSchema, seed: number, place = top): unknown => {
    const shape = shapeOf(schema);
    if (place.depth > hopelessDepth)
      throw new Error(`${shape.name ?? 'a schema'} requires itself without end`);
    if (shape.type === 'object') return makeObject(shape, seed, place);
    if (shape.type === 'array') return makeItems(shape, seed, place);
    return makeLeaf(shape, seed);
  };

  const makeObject = (shape: Shape, seed: number, place: Place): Thing => {
    const key = resources.keyOf(shape);
    const idShape = key === undefined ? undefined : shapeOf(shape.properties[key] ?? {});
    if (idShape !== undefined) return makeThing(shape, idAt(idShape, 1 + (seed % listSize)), place);
    const stated = shape.examples.filter(isThing);
    return fill(shape, seed, place, {}, stated[seed % stated.length] ?? makeMap(shape, seed, place));
  };

  /** An object whose members the schema doesn't name. */
  const makeMap = ({ schema, properties }: Shape, seed: number, place: Place): Thing | undefined => {
    const { additionalProperties: members } = schema;
    if (!isThing(members) || Object.keys(properties).length > 0) return undefined;
    return { [makeText(seed, 0, 12).toLowerCase()]: value(members, seed, within(place, 1)) };
  };

  const makeThing = (shape: Shape, id: unknown, place: Place, limit?: number): Thing => {
    const key = resources.keyOf(shape) as string;
    const number = numberOf(id);
    const known: Record<string, unknown> = { [key]: id };
    const all = resources.statedOf(shape);
    const itself = all.find((thing) => thing[key] === id);
    const parent = resources.parentOf(shape);
    if (parent?.property !== undefined && itself === undefined) {
      known[parent.property] = idAt(shapeOf(parent.idSchema), Math.ceil(number / childrenSize));
    }
    const stated = itself ?? all[(number - 1) % all.length];
    return fill(
      shape,
      seedOf(shape.key, id),
      place,
      { ...known, ...childrenOf(shape, key, id, limit) },
      stated,
    );
  };

  /** The first of the things below one thing that stand in it, as `reviews` in what belongs to a product. */
  const childrenOf = (shape: Shape, key: string, id: unknown, limit: number | undefined): Thing => {
    const list = 'id' in shape.properties ? undefined : listIn(shape, shapeOf);
    const parent = list && resources.parentOf(list.items);
    if (list?.property === undefined || parent === undefined || parent.property !== key) return {};
    const found = page(list.items, { below: id, limit });
    return { [list.property]: found.items, ...pageMembers(shape, found, shapeOf) };
  };

  /** Members in the order of the schema: those known, those stated, and made ones where something is missing. */
  const fill = (shape: Shape, seed: number, place: Place, known: Thing, stated: Thing | undefined): Thing => {
    const has = (thing: Thing | undefined, name: string) => thing !== undefined && Object.hasOwn(thing, name);
    const isObject = (name: string) =>
      complexTypes.includes(shapeOf(shape.properties[name] ?? {}).type ?? '');
    const inner = within(place, Object.keys(shape.properties).filter(isObject).length);
    const isWanted = (name: string) => {
      if (has(known, name)) return true;
      if (shapeOf(shape.properties[name] ?? {}).schema.writeOnly === true) return false;
      if (shape.required.includes(name) || has(stated, name)) return true;
      return stated === undefined && (inner.room >= 1 || !isObject(name));
    };
    const made = Object.keys(shape.properties)
      .filter(isWanted)
      .map((name) => {
        if (has(known, name)) return [name, known[name]];
        if (has(stated, name)) return [name, stated?.[name]];
        return [name, member(shape, name, seedOf(seed, name), inner)];
      });
    const others = Object.entries(stated ?? {}).filter(([name]) => !Object.hasOwn(shape.properties, name));
    return Object.fromEntries([...made, ...others]);
  };

  /** A member that names another thing gets an id that such things have in lists. */
  const member = (shape: Shape, name: string, seed: number, place: Place): unknown => {
    const schema = shape.properties[name] ?? {};
    const memberShape = shapeOf(schema);
    const namesThing = /(^id|Id|_id)$/.test(name) && memberShape.examples.length < 2;
    if (namesThing && ['string', 'integer'].includes(memberShape.type ?? '')) {
      return idAt(memberShape, 1 + (seed % listSize));
    }
    return value(schema, seed, place);
  };

  const makeItems = (shape: Shape, seed: number, place: Place): unknown[] =>
    makeArray(shape, seed, place.room >= 1, (schema, itemSeed) => value(schema, itemSeed, within(place, 3)));

  const thingAt = (shape: Shape, number: number): Thing => {
    const key = resources.keyOf(shape);
    if (key !== undefined) return makeThing(shape, idAt(shapeOf(shape.properties[key] ?? {}), number), top);
    const all = resources.statedOf(shape);
    const seed = seedOf(shape.key, number);
    return fill(shape, seed, top, {}, all[(number - 1) % all.length] ?? makeMap(shape, seed, top));
  };

  const page = (items: Shape, request: PageRequest): Page => {
    const [first, size] =
      request.below === undefined
        ? [1, listSize]
        : [(numberOf(request.below) - 1) * childrenSize + 1, childrenSize];
    return composePage(items, size, (index) => thingAt(items, first + index), request);
  };

  const named = (shape: Shape, id: unknown, limit?: number): Thing => {
    const key = resources.keyOf(shape);
    const idShape = key === undefined ? undefined : shapeOf(shape.properties[key] ?? {});
    return idShape?.fits(id) ? makeThing(shape, id, top, limit) : thingAt(shape, numberOf(id));
  };

  return {
    value,
    named,
    page,
    pageMembers: (shape, found) => pageMembers(shape, found, shapeOf),
  };
}
