import type { components } from '@portico/contracts/generated/catalog.ts';
import { decodeCursor, type KeysetValues } from '@portico/runtime/keyset.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import { matchOf } from './search.ts';

/** What products are sorted by. The id follows in the same direction, so that no two products share a place. */
export interface ProductOrder {
  readonly keys: readonly SortKey[];
  readonly direction: 'asc' | 'desc';
}

interface SortKey {
  readonly value: Expression<unknown>;
  /** The value as a number, as cursors have it, and the other way round. */
  readonly number: RawBuilder<unknown>;
  readonly fromNumber: (number: number) => unknown;
  /** The largest number that there can be. */
  readonly largest: number;
}

const key = (value: RawBuilder<unknown>, largest: number): SortKey => {
  return { value, number: value, fromNumber: (number) => number, largest };
};
const column = (name: string, largest = 2_147_483_647) => key(sql.ref(`products.${name}`), largest);
const createdAt: SortKey = {
  ...column('created_at', Date.UTC(9999, 11, 31)),
  number: sql`extract(epoch from products.created_at) * 1000`,
  fromNumber: (number) => new Date(number),
};

const orders: Readonly<Record<components['schemas']['ProductSort'], ProductOrder>> = {
  featured: { keys: [column('featured_rank')], direction: 'asc' },
  price_asc: { keys: [column('price_amount', 1_000_000_000)], direction: 'asc' },
  price_desc: { keys: [column('price_amount', 1_000_000_000)], direction: 'desc' },
  newest: { keys: [createdAt], direction: 'desc' },
  rating: { keys: [column('rating_average', 500), column('rating_count')], direction: 'desc' },
};

/** The order of a list, or of what a search for `q` found; of a search, the best match comes first if nothing else is asked for. */
export function orderOf(sort: components['schemas']['ProductSort'], q: string | undefined): ProductOrder {
  if (sort !== 'featured' || q === undefined) return orders[sort];
  return { keys: [key(matchOf(q), 2_147_483_647)], direction: 'desc' };
}

/** For a cursor: the numbers of all keys. */
export function placeIn({ keys }: ProductOrder): RawBuilder<number[]> {
  return sql`array[${sql.join(keys.map(({ number }) => number))}]::float8[]`;
}

/**
 * The condition that a product stands behind the place of a cursor.
 * @throws Problem `invalid-request` for a cursor that this list has not given.
 */
export function isAfter(
  { keys, direction }: ProductOrder,
  cursor: string,
  list: string,
): RawBuilder<SqlBool> {
  const types = [...keys.map(() => 'number' as const), 'string' as const];
  const values: KeysetValues = decodeCursor(cursor, list, types);
  const place = keys.map(({ fromNumber, largest }, index) => {
    const number = Number(values[index]);
    if (!Number.isInteger(number) || number < 0 || number > largest)
      throw new Problem('invalid-request', 'The cursor is not one that this list has given.');
    return sql`${fromNumber(number)}`;
  });
  const row = sql`(${sql.join(keys.map(({ value }) => value))}, products.id)`;
  const behind = sql`(${sql.join(place)}, ${values.at(-1)})`;
  return direction === 'asc' ? sql<SqlBool>`${row} > ${behind}` : sql<SqlBool>`${row} < ${behind}`;
}
