import type { components } from '@portico/contracts/generated/shipping.ts';
import type { Insertable, Kysely, Selectable, Transaction } from 'kysely';
import type { ShipmentTable, ShippingTables } from './database.ts';

type Shipment = components['schemas']['Shipment'];
type Row = Selectable<ShipmentTable>;

/** An order that has a shipment keeps it, also one that was cancelled before it came. */
export async function schedule(
  trx: Transaction<ShippingTables>,
  { orderNumber, customerId, lines }: components['schemas']['NewShipment'],
  leavesAt: Date,
): Promise<Shipment> {
  await begin(trx, {
    order_number: orderNumber,
    status: 'scheduled',
    leaves_at: leavesAt,
    customer_id: customerId,
    lines: JSON.stringify(lines),
  });
  return toShipment(await select(trx, orderNumber).executeTakeFirstOrThrow());
}

/** Keeps a shipment from leaving, unless it has left. One that has not come yet is marked, and is not scheduled when it comes. */
export async function cancel(trx: Transaction<ShippingTables>, orderNumber: string): Promise<Shipment> {
  const nothing = { leaves_at: null, customer_id: null, lines: null };
  await begin(trx, { order_number: orderNumber, status: 'cancelled', ...nothing });
  await trx
    .updateTable('shipments')
    .set({ status: 'cancelled' })
    .where('order_number', '=', orderNumber)
    .where('status', '=', 'scheduled')
    .execute();
  return toShipment(await select(trx, orderNumber).executeTakeFirstOrThrow());
}

/** Marks at most 100 shipments as shipped that leave at `now` or before; those that somebody else is at come with another look. */
export async function shipDue(db: Kysely<ShippingTables>, now: Date): Promise<readonly string[]> {
  const due = db
    .selectFrom('shipments')
    .select('order_number')
    .where('status', '=', 'scheduled')
    .where('leaves_at', '<=', now)
    .orderBy('leaves_at')
    .limit(100)
    .forUpdate()
    .skipLocked();
  const shipped = await db
    .with('due', () => due)
    .updateTable('shipments')
    .set({ status: 'shipped' })
    .where('order_number', 'in', (eb) => eb.selectFrom('due').select('order_number'))
    .returning('order_number')
    .execute();
  return shipped.map((row) => row.order_number);
}

export function toShipment({ order_number: orderNumber, status, leaves_at }: Row): Shipment {
  return { orderNumber, status, ...(leaves_at !== null && { leavesAt: leaves_at.toISOString() }) };
}

export function select(db: Kysely<ShippingTables>, orderNumber: string) {
  return db.selectFrom('shipments').selectAll().where('order_number', '=', orderNumber);
}

/** Does nothing where the order has a shipment already; one that is just being made is waited for. */
async function begin(trx: Transaction<ShippingTables>, row: Insertable<ShipmentTable>): Promise<void> {
  await trx
    .insertInto('shipments')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
