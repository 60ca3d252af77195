import type { components } from '@portico/contracts/generated/catalog.ts';
import type { Kysely } from 'kysely';
import type { CatalogTables } from './database.ts';

export type Product = components['schemas']['Product'];

/** A product's row with the name of its category. */
export type ProductRow = Awaited<ReturnType<ReturnType<typeof selectProducts>['executeTakeFirstOrThrow']>>;

/** What there is to show; the ratings are for reviews to show, and serve to sort by. */
const shownColumns = [
  'products.id',
  'products.name',
  'products.description',
  'products.category_id',
  'products.price_amount',
  'products.price_currency',
  'products.created_at',
] as const;

/** The beginning of every query for products. */
export function selectProducts(db: Kysely<CatalogTables>) {
  return db
    .selectFrom('products')
    .innerJoin('categories', 'categories.id', 'products.category_id')
    .select(shownColumns)
    .select('categories.name as category_name');
}

/** A product as outsiders see it. */
export function toProduct(row: ProductRow): Product {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    imageUrl: `/images/${row.category_id}/${row.id}.svg`,
    category: { id: row.category_id, name: row.category_name },
    price: { amount: row.price_amount, currency: row.price_currency },
    createdAt: row.created_at.toISOString(),
  };
}
