import type { operations } from '@portico/contracts/generated/catalog.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { Kysely } from 'kysely';
import type { CatalogTables } from './database.ts';
import { listProducts } from './list-products.ts';
import { type Product, selectProducts, toProduct } from './product.ts';

/** What each operation of the catalog does. */
export function createCatalogHandlers(db: Kysely<CatalogTables>): OperationHandlers<operations> {
  return {
    listProducts: async ({ query }) => ({ body: await listProducts(db, query) }),

    getProduct: async ({ path }) => ({ body: await findProduct(db, path.id) }),

    setPrice: async ({ path, body }) => {
      await db
        .updateTable('products')
        .set({ price_amount: body.amount })
        .where('id', '=', path.id)
        .where('price_amount', '!=', body.amount)
        .execute();
      return { body: await findProduct(db, path.id) };
    },

    listCategories: async () => ({
      body: { items: await db.selectFrom('categories').select(['id', 'name']).orderBy('position').execute() },
    }),
  };
}

async function findProduct(db: Kysely<CatalogTables>, id: string): Promise<Product> {
  const row = await selectProducts(db).where('products.id', '=', id).executeTakeFirst();
  if (row === undefined) throw new Problem('not-found', `No product has the id "${id}".`);
  return toProduct(row);
}
