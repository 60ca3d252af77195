import type { components, operations } from '@portico/contracts/generated/inventory.ts';
import type { Database } from '@portico/runtime/database.ts';
import { requireOneLineEach } from '@portico/runtime/one-line-each.ts';
import type { Answer, OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { type SagaStep, takeStep } from '@portico/runtime/saga-step.ts';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Commit } from './commit.ts';
import type { InventoryTables } from './database.ts';
import type { Changing } from './move-stock.ts';
import { commitReservation, releaseReservation, reserve } from './reservations.ts';

type Stock = components['schemas']['Stock'];
type Reservation = components['schemas']['Reservation'];

/** What each operation of inventory does. */
export function createInventoryHandlers(
  database: Database<InventoryTables>,
  commit: Commit,
): OperationHandlers<operations> {
  const during = (context: RequestContext) => database.during(context);
  const inStep = (
    context: RequestContext,
    step: SagaStep,
    work: (changing: Changing) => Promise<Reservation>,
  ): Promise<Answer<Reservation>> =>
    commit(during(context), (trx, tell, commitId) =>
      takeStep(trx, step, commitId, () => work({ trx, tell })),
    );
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
      commit(during(context), async (trx, tell) => {
        const before = await lockRow(trx, path.productId);
        const after = { ...before, quantity: body.quantity };
        if (before.quantity !== after.quantity) {
          await trx.updateTable('stock').set(after).where('product_id', '=', after.product_id).execute();
          tell({ table: 'stock', before, after });
        }
        return { body: { productId: after.product_id, quantity: after.quantity, reserved: after.reserved } };
      }),

    reserve: ({ headers, body, context }) => {
      requireOneLineEach(body.lines);
      const step = { key: String(headers['idempotency-key']), request: { reserve: body } };
      return inStep(context, step, (changing) => reserve(changing, body));
    },

    commitReservation: ({ path: { orderNumber }, headers, context }) => {
      const step = { key: String(headers['idempotency-key']), request: { commit: orderNumber } };
      return inStep(context, step, (changing) => commitReservation(changing, orderNumber));
    },

    releaseReservation: ({ path: { orderNumber }, headers, context }) => {
      const step = { key: String(headers['idempotency-key']), request: { release: orderNumber } };
      return inStep(context, step, (changing) => releaseReservation(changing, orderNumber));
    },
  };
}

function selectStock(db: Kysely<InventoryTables>) {
  return db.selectFrom('stock').select(['product_id as productId', 'quantity', 'reserved']);
}

async function findStock(db: Kysely<InventoryTables>, productId: string): Promise<Stock> {
  const stock = await selectStock(db).where('product_id', '=', productId).executeTakeFirst();
  if (stock === undefined) throw unknownProduct(productId);
  return stock;
}

/** The row as it is now, and stays until the transaction is over. */
async function lockRow(trx: Transaction<InventoryTables>, productId: string) {
  const rows = trx.selectFrom('stock').selectAll().where('product_id', '=', productId).forUpdate();
  const row = await rows.executeTakeFirst();
  if (row === undefined) throw unknownProduct(productId);
  return row;
}

const unknownProduct = (productId: string) =>
  new Problem('not-found', `Inventory knows no product with the id "${productId}".`);
