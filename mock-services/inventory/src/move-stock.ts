import type { RowChange } from '@portico/contracts/events/change-event.ts';
import type { components } from '@portico/contracts/generated/inventory.ts';
import { sql, type Transaction } from 'kysely';
import type { InventoryTables } from './database.ts';

export type Line = components['schemas']['Line'];

/** A transaction with the means to tell what it changes. */
export interface Changing {
  readonly trx: Transaction<InventoryTables>;
  readonly tell: (change: RowChange) => void;
}

/** What becomes of each piece: added to what is free to sell and to what is set aside. */
export interface Move {
  readonly quantity: -1 | 0 | 1;
  readonly reserved: -1 | 0 | 1;
}

/** Moves the pieces of all lines, or none, and false, where there are too few of a product or it is not known. */
export async function moveStock(
  { trx, tell }: Changing,
  lines: readonly Line[],
  move: Move,
): Promise<boolean> {
  const pieces = new Map(lines.map(({ productId, quantity }) => [productId, quantity]));
  const rows = await lockStock(trx, [...pieces.keys()]);
  const changes = rows.map((before) => {
    const moved = pieces.get(before.product_id) ?? 0;
    const quantity = before.quantity + move.quantity * moved;
    return { before, after: { ...before, quantity, reserved: before.reserved + move.reserved * moved } };
  });
  if (rows.length < pieces.size || changes.some(({ after }) => after.quantity < 0)) return false;
  const after = JSON.stringify(changes.map((change) => change.after));
  await sql`
    update stock set quantity = moved.quantity, reserved = moved.reserved
    from json_populate_recordset(null::stock, ${after}) as moved where stock.product_id = moved.product_id`.execute(
    trx,
  );
  for (const change of changes) tell({ table: 'stock', ...change });
  return true;
}

/** In the order of their ids, whatever the order of the lines: so nobody waits for one who waits for him. */
function lockStock(trx: Transaction<InventoryTables>, productIds: readonly string[]) {
  const rows = trx.selectFrom('stock').selectAll().where('product_id', 'in', productIds);
  return rows.orderBy('product_id').forUpdate().execute();
}
