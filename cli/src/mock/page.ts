import { decodeCursor, encodeCursor } from '@portico/runtime/keyset.ts';
import { isCalled } from './parameter-words.ts';
import type { Thing } from './resources.ts';
import type { Shape, ShapeOf } from './schema-shapes.ts';
import { seedOf } from './seed.ts';
import { sortOrder } from './sort-order.ts';

export interface PageRequest {
  /** The id of what the things lie below. */
  readonly below?: unknown;
  readonly limit?: number | undefined;
  /** A cursor that a page has given, or the number of things before the page. */
  readonly after?: string | number | undefined;
  /** Members and the values that they must have. */
  readonly filters?: Readonly<Record<string, unknown>>;
  readonly sort?: unknown;
}

export interface Page {
  readonly items: readonly Thing[];
  /** `cursors[i]` is the place right after `items[i]`. */
  readonly cursors: readonly string[];
  /** How many things come before the end of this page. */
  readonly end: number;
  readonly total: number;
}

const defaultLimit = 20;

/**
 * A page of a list of `size` things of one kind.
 * @throws Problem `invalid-request` for a cursor of another list.
 */
export function composePage(
  kind: Shape,
  size: number,
  thingAt: (index: number) => Thing,
  { below, limit = defaultLimit, after = 0, filters = {}, sort }: PageRequest,
): Page {
  const list = seedOf(kind.key, below ?? null, filters, sort ?? null).toString(36);
  const start = typeof after === 'number' ? after : decodeCursor(after, list, ['number'])[0];
  const numbers = Array.from({ length: size }, (_, index) => index);
  const compare = sortOrder(sort, kind.properties);
  const wanted = Object.entries(filters);
  // Things are made for the page alone where the whole list need not be known.
  const all =
    wanted.length === 0 && compare === undefined
      ? undefined
      : numbers.map(thingAt).filter((thing) => wanted.every(([member, value]) => has(thing, member, value)));
  if (compare !== undefined) all?.sort(compare);
  const end = start + limit;
  const items = all?.slice(start, end) ?? numbers.slice(start, end).map(thingAt);
  return {
    items,
    cursors: items.map((_, index) => encodeCursor(list, [start + index + 1])),
    end: start + items.length,
    total: all?.length ?? size,
  };
}

/** Whether a member is this value or, for a thing, has this id; among several, whether one does. */
function has(thing: Thing, member: string, wanted: unknown): boolean {
  const values = [wanted].flat();
  return [thing[member]].flat().some((found) => {
    const id = typeof found === 'object' && found !== null ? (found as Thing).id : found;
    return values.includes(id);
  });
}

/** What an object says around a page, and in the objects in it, by the usual names. */
export function pageMembers(shape: Shape, page: Page, shapeOf: ShapeOf): Thing {
  const more = page.end < page.total;
  const entries = Object.entries(shape.properties).flatMap(([name, schema]): [string, unknown][] => {
    const member = shapeOf(schema);
    const { type } = member;
    if (isCalled('cursors', name) && type === 'array') return [[name, page.cursors]];
    if (isCalled('next', name) && (type === 'string' || type === 'integer')) {
      const cursor = type === 'integer' ? page.end : page.cursors.at(-1);
      // Where a next page is an address, only its absence can be told.
      return [[name, more && member.schema.format === undefined ? cursor : endOf(member)]];
    }
    if (isCalled('more', name) && type === 'boolean') return [[name, more]];
    if (isCalled('total', name) && type === 'integer') return [[name, page.total]];
    if (type === 'object') {
      const inner = pageMembers(member, page, shapeOf);
      return Object.keys(inner).length > 0 ? [[name, inner]] : [];
    }
    return [];
  });
  return Object.fromEntries(entries);
}

/** What a member says when nothing follows; undefined leaves it out. */
function endOf({ nullable, fits }: Shape): unknown {
  if (nullable) return null;
  return fits('') ? '' : undefined;
}
