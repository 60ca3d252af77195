import type { components, operations } from '@portico/contracts/generated/inventory.ts';
import { answerCommit } from '@portico/runtime/commit.ts';
import type { Database } from '@portico/runtime/database.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { type Kysely, sql } from 'kysely';
import type { InventoryTables } from './database.ts';

type Stock = components['schemas']['Stock'];

/** What each operation of inventory does. */
export function createInventoryHandlers(database: Database<InventoryTables>): OperationHandlers<operations> {
  const during = (context: RequestContext) => database.during(context);
  return {
    listStock: async ({ query: { ids }, context }) => {
      const items = await selectStock(during(context))
        .where('product_id', 'in', ids)
        .orderBy(sql`array_position(${ids}::text[], product_id)`)
        .execute();
      return { body: { items } };
    },

    getStock: async ({ path, context }) => ({ body: await findStock(during(context), path.productId) }),

    setStock: ({ path, body, context }) =>
      answerCommit(during(context), 'inventory', async (trx) => {
        await trx
          .updateTable('stock')
          .set({ quantity: body.quantity })
          .where('product_id', '=', path.productId)
          .where('quantity', '!=', body.quantity)
          .execute();
        return { body: await findStock(trx, path.productId) };
      }),
  };
}

function selectStock(db: Kysely<InventoryTables>) {
  return db.selectFrom('stock').select(['product_id as productId', 'quantity', 'reserved']);
}

async function findStock(db: Kysely<InventoryTables>, productId: string): Promise<Stock> {
  const stock = await selectStock(db).where('product_id', '=', productId).executeTakeFirst();
  if (stock === undefined)
    throw new Problem('not-found', `Inventory knows no product with the id "${productId}".`);
  return stock;
}
