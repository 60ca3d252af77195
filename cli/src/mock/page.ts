import { decodeCursor, encodeCursor } from '@portico/runtime/keyset.ts';
import { isCalled } from './parameter-words.ts';
import type { Thing } from './resources.ts';
import type { Shape, ShapeOf } from './schema-shapes.ts';

export interface PageRequest {
  /** The id of what the things lie below. */
  readonly below?: unknown;
  readonly limit?: number | undefined;
  /** A cursor that a page has given, or the number of things before the page. */
  readonly after?: string | number | undefined;
  /** Members and the values that they must have. */
  readonly filters?: Readonly<Record<string, unknown>>;
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
 * A page of the list `name` of `size` things.
 * @throws Problem `invalid-request` for a cursor of another list.
 */
export function composePage(
  name: string,
  size: number,
  thingAt: (index: number) => Thing,
  { below, limit = defaultLimit, after = 0, filters = {} }: PageRequest,
): Page {
  const list = JSON.stringify([name, below, filters]);
  const start = typeof after === 'number' ? after : decodeCursor(after, list, ['number'])[0];
  const wanted = Object.entries(filters);
  const matches = Array.from({ length: size }, (_, index) => index).filter(
    (index) => wanted.length === 0 || wanted.every(([member, value]) => has(thingAt(index), member, value)),
  );
  const items = matches.slice(start, start + limit).map(thingAt);
  return {
    items,
    cursors: items.map((_, index) => encodeCursor(list, [start + index + 1])),
    end: start + items.length,
    total: matches.length,
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
function endOf({ nullable, type }: Shape): unknown {
  if (nullable) return null;
  return type === 'string' ? '' : undefined;
}
