import { createHash } from 'node:crypto';
import type { components, operations } from '@portico/contracts/generated/catalog.ts';
import { encodeCursor } from '@portico/runtime/keyset.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { type Kysely, sql } from 'kysely';
import type { CatalogTables } from './database.ts';
import { type Product, selectProducts, toProduct } from './product.ts';
import { isAfter, orderOf, placeIn } from './product-order.ts';
import { isFound } from './search.ts';

type ProductPage = components['schemas']['ProductPage'];
type ListQuery = NonNullable<operations['listProducts']['parameters']['query']>;

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
  const { category, q, sort = 'featured', limit = 20, cursor } = query;
  const order = orderOf(sort, q);
  const list = nameOf(query);
  let page = selectProducts(db)
    .select(placeIn(order).as('place'))
    .limit(limit + 1);
  for (const { value } of order.keys) page = page.orderBy(value, order.direction);
  page = page.orderBy('products.id', order.direction);
  if (category !== undefined) page = page.where('products.category_id', '=', category);
  if (q !== undefined) page = page.where(isFound(q));
  if (cursor !== undefined) page = page.where(isAfter(order, cursor, list));
  const rows = await page.execute();
  if (rows.length === 0 && category !== undefined) await requireCategory(db, category);

  const shown = rows.slice(0, limit);
  const cursors = shown.map(({ place, id }) => encodeCursor(list, [...place, id]));
  return {
    items: shown.map(toProduct),
    cursors,
    next: rows.length > limit ? (cursors.at(-1) ?? null) : null,
  };
}

/** All that shapes a list. The words of a search may be longer than a cursor. */
function nameOf({ sort = 'featured', category = '', q }: ListQuery): string {
  const list = `products ${sort} ${category}`;
  return q === undefined
    ? list
    : `${list} ${createHash('sha256').update(q).digest('base64url').slice(0, 16)}`;
}

async function requireCategory(db: Kysely<CatalogTables>, id: string): Promise<void> {
  const category = await db.selectFrom('categories').select('id').where('id', '=', id).executeTakeFirst();
  if (category === undefined) throw new Problem('invalid-request', `There is no category "${id}".`);
}
