import type { components, operations } from '@portico/contracts/generated/catalog.ts';
import { decodeCursor, encodeCursor } from '@portico/runtime/keyset.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { type Kysely, sql } from 'kysely';
import type { CatalogTables } from './database.ts';
import { type Product, selectProducts, toProduct } from './product.ts';

type ProductPage = components['schemas']['ProductPage'];
type ListQuery = NonNullable<operations['listProducts']['parameters']['query']>;

/** By what each order sorts. The id follows in the same direction, so that no two products share a place. */
const orders = {
  featured: { column: 'featured_rank', direction: 'asc' },
  price_asc: { column: 'price_amount', direction: 'asc' },
  price_desc: { column: 'price_amount', direction: 'desc' },
  newest: { column: 'created_at', direction: 'desc' },
} as const;
type SortColumn = (typeof orders)[keyof typeof orders]['column'];

/** The largest value that a sort column can have; of a time, in epoch milliseconds. */
const largest = {
  featured_rank: 2_147_483_647,
  price_amount: 1_000_000_000,
  created_at: Date.UTC(9999, 11, 31),
} as const satisfies Record<SortColumn, number>;

/** Many products by id, or one page of a list. */
export async function listProducts(db: Kysely<CatalogTables>, query: ListQuery): Promise<ProductPage> {
  const { ids, ...filters } = query;
  if (ids === undefined) return pageOfProducts(db, filters);
  const [filter] = Object.keys(filters);
  if (filter !== undefined)
    throw new Problem('invalid-request', `Give either "ids" or "${filter}", not both.`);
  return { items: await productsById(db, ids), cursors: [], next: null };
}

async function productsById(db: Kysely<CatalogTables>, ids: readonly string[]): Promise<Product[]> {
  const rows = await selectProducts(db)
    .where('products.id', 'in', ids)
    .orderBy(sql`array_position(${ids}::text[], products.id)`)
    .execute();
  return rows.map(toProduct);
}

async function pageOfProducts(
  db: Kysely<CatalogTables>,
  query: Omit<ListQuery, 'ids'>,
): Promise<ProductPage> {
  const { category, sort = 'featured', limit = 20, cursor } = query;
  const { column, direction } = orders[sort];
  const list = `products ${sort} ${category ?? ''}`;
  let page = selectProducts(db)
    .orderBy(`products.${column}`, direction)
    .orderBy('products.id', direction)
    .limit(limit + 1);
  if (category !== undefined) page = page.where('products.category_id', '=', category);
  if (cursor !== undefined) page = page.where(isAfter(cursor, list, column, direction));
  const rows = await page.execute();
  if (rows.length === 0 && category !== undefined) await requireCategory(db, category);

  const shown = rows.slice(0, limit);
  const cursors = shown.map((row) => encodeCursor(list, [Number(row[column]), row.id]));
  return {
    items: shown.map(toProduct),
    cursors,
    next: rows.length > limit ? (cursors.at(-1) ?? null) : null,
  };
}

/** The condition that a product stands behind the cursor's place. */
function isAfter(cursor: string, list: string, column: SortColumn, direction: 'asc' | 'desc') {
  const [value, id] = decodeCursor(cursor, list, ['number', 'string']);
  if (!Number.isInteger(value) || value < 0 || value > largest[column]) {
    throw new Problem('invalid-request', 'The cursor is not one that this list has given.');
  }
  const place = sql`(${column === 'created_at' ? new Date(value) : value}, ${id})`;
  const row = sql`(${sql.ref(`products.${column}`)}, products.id)`;
  return direction === 'asc' ? sql<boolean>`${row} > ${place}` : sql<boolean>`${row} < ${place}`;
}

async function requireCategory(db: Kysely<CatalogTables>, id: string): Promise<void> {
  const category = await db.selectFrom('categories').select('id').where('id', '=', id).executeTakeFirst();
  if (category === undefined) throw new Problem('invalid-request', `There is no category "${id}".`);
}
