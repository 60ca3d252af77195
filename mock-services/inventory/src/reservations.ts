import type { components } from '@portico/contracts/generated/inventory.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { Selectable, Transaction } from 'kysely';
import type { InventoryTables, ReservationTable } from './database.ts';
import { type Changing, type Line, type Move, moveStock } from './move-stock.ts';

type Reservation = components['schemas']['Reservation'];
type Row = Selectable<ReservationTable>;

/** Sets all lines aside, or nothing. An order that has a reservation keeps it, also one that was released before it came. */
export async function reserve(
  changing: Changing,
  { orderNumber, lines }: components['schemas']['NewReservation'],
): Promise<Reservation> {
  const { trx } = changing;
  if (!(await begin(trx, orderNumber, 'reserved', lines)))
    return toReservation(await lock(trx, orderNumber).executeTakeFirstOrThrow());
  const isReserved = await moveStock(changing, lines, { quantity: -1, reserved: 1 });
  return isReserved ? { orderNumber, status: 'reserved' } : mark(trx, orderNumber, 'refused');
}

/**
 * Sells what is set aside.
 * @throws Problem `conflict` where nothing is
 */
export async function commitReservation(changing: Changing, orderNumber: string): Promise<Reservation> {
  const { trx } = changing;
  const found = await lock(trx, orderNumber).executeTakeFirst();
  if (found?.status === 'committed') return toReservation(found);
  if (found?.status !== 'reserved') {
    const state = found?.status ?? 'not there';
    throw new Problem('conflict', `The reservation of the order "${orderNumber}" is ${state}.`);
  }
  await moveStock(changing, found.lines, { quantity: 0, reserved: -1 });
  return mark(trx, orderNumber, 'committed');
}

/** What a release does to each piece, by what became of it. */
const backward: Readonly<Partial<Record<Row['status'], Move>>> = {
  reserved: { quantity: 1, reserved: -1 },
  committed: { quantity: 1, reserved: 0 },
};

/** Gives back what is set aside or sold. A reservation that has not come yet is marked; one that holds nothing stays as it is. */
export async function releaseReservation(changing: Changing, orderNumber: string): Promise<Reservation> {
  const { trx } = changing;
  if (await begin(trx, orderNumber, 'released', [])) return { orderNumber, status: 'released' };
  const found = await lock(trx, orderNumber).executeTakeFirstOrThrow();
  const move = backward[found.status];
  if (move === undefined) return toReservation(found);
  await moveStock(changing, found.lines, move);
  return mark(trx, orderNumber, 'released');
}

/** False where the order has a reservation already; one that is just being made is waited for. */
async function begin(
  trx: Transaction<InventoryTables>,
  orderNumber: string,
  status: Row['status'],
  lines: readonly Line[],
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('reservations')
    .values({ order_number: orderNumber, status, lines: JSON.stringify(lines) })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** The reservation as it is now, and stays until the transaction is over. */
function lock(trx: Transaction<InventoryTables>, orderNumber: string) {
  return trx.selectFrom('reservations').selectAll().where('order_number', '=', orderNumber).forUpdate();
}

async function mark(
  trx: Transaction<InventoryTables>,
  orderNumber: string,
  status: Row['status'],
): Promise<Reservation> {
  const rows = trx.updateTable('reservations').set({ status }).where('order_number', '=', orderNumber);
  return toReservation(await rows.returningAll().executeTakeFirstOrThrow());
}

function toReservation({ order_number: orderNumber, status }: Row): Reservation {
  return status === 'refused' ? { orderNumber, status, reason: 'out_of_stock' } : { orderNumber, status };
}
