import type { operations } from '@portico/contracts/generated/catalog.ts';
import { answerCommit } from '@portico/runtime/commit.ts';
import type { Database } from '@portico/runtime/database.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import type { Kysely } from 'kysely';
import type { CatalogTables } from './database.ts';
import { listProducts } from './list-products.ts';
import { type Product, selectProducts, toProduct } from './product.ts';

/** What each operation of the catalog does. */
export function createCatalogHandlers(
  database: Database<CatalogTables>,
  ratingsAreKnown: (() => Promise<boolean>) | undefined,
): OperationHandlers<operations> {
  const during = (context: RequestContext) => database.during(context);
  const requireRatings = async () => {
    if (ratingsAreKnown === undefined)
      throw new Problem('not-supported', 'Products can not be sorted by rating here.');
    if (!(await ratingsAreKnown()))
      throw new Problem('not-supported', 'The ratings of the products are not known yet.');
  };
  return {
    listProducts: async ({ query, context }) => {
      if (query.sort === 'rating') await requireRatings();
      return { body: await listProducts(during(context), query) };
    },

    getProduct: async ({ path, context }) => ({ body: await findProduct(during(context), path.id) }),

    setPrice: ({ path, body, context }) =>
      answerCommit(during(context), 'catalog', async (trx) => {
        await trx
          .updateTable('products')
          .set({ price_amount: body.amount })
          .where('id', '=', path.id)
          .where('price_amount', '!=', body.amount)
          .execute();
        return { body: await findProduct(trx, path.id) };
      }),

    listCategories: async ({ context }) => {
      const categories = during(context).selectFrom('categories').select(['id', 'name']);
      return { body: { items: await categories.orderBy('position').execute() } };
    },
  };
}

async function findProduct(db: Kysely<CatalogTables>, id: string): Promise<Product> {
  const row = await selectProducts(db).where('products.id', '=', id).executeTakeFirst();
  if (row === undefined) throw new Problem('not-found', `No product has the id "${id}".`);
  return toProduct(row);
}
