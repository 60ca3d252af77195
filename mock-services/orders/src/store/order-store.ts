import type { Kysely, Transaction } from 'kysely';
import type { OrdersTables } from '../database.ts';
import { evolve, initialState, type Order, type OrderEvent } from '../order.ts';
import { appendEvents, lockStream, readEvents, type StoredEvent } from './event-store.ts';

/** An order with its place in the store. */
export interface StoredOrder {
  readonly number: string;
  readonly customerId: string;
  readonly version: number;
  /** Of its last event. */
  readonly at: Date;
  readonly order: Order;
}

/** Of `Order`; a snapshot of another version is not used. */
const stateVersion = 1;
/** A new snapshot is made after so many events. */
const snapshotEvery = 50;

/** An order as it is now, or was. @param asOf leaves out what happened later */
export async function loadOrder(
  db: Kysely<OrdersTables>,
  number: string,
  asOf?: Date,
): Promise<StoredOrder | undefined> {
  const from = await readSnapshot(db, number, asOf);
  const events = await readEvents(db, [number], { after: from?.version ?? 0, until: asOf });
  return fold(events, from);
}

/** An order that nobody else changes until the end of the transaction. */
export async function loadForChange(
  trx: Transaction<OrdersTables>,
  number: string,
): Promise<StoredOrder | undefined> {
  await lockStream(trx, number);
  return loadOrder(trx, number);
}

/** Orders as they are now, in the order asked for. */
export async function loadOrders(
  db: Kysely<OrdersTables>,
  numbers: readonly string[],
): Promise<readonly StoredOrder[]> {
  if (numbers.length === 0) return [];
  const byNumber = Map.groupBy(await readEvents(db, numbers), ({ orderNumber }) => orderNumber);
  return numbers.flatMap((number) => fold(byNumber.get(number) ?? [], undefined) ?? []);
}

export interface Change {
  readonly traceparent: string;
  readonly now: Date;
  readonly snapshotEvery?: number;
}

/** Adds events to an order, and gives it as it is then. No event is older than the one before it, whatever the clock says. */
export async function changeOrder(
  trx: Transaction<OrdersTables>,
  stored: StoredOrder,
  events: readonly OrderEvent[],
  change: Change,
): Promise<StoredOrder> {
  if (events.length === 0) return stored;
  const { number: orderNumber, customerId, version: expectedVersion } = stored;
  const at = new Date(Math.max(change.now.getTime(), stored.at.getTime()));
  const { traceparent } = change;
  await appendEvents(trx, { orderNumber, customerId, expectedVersion, at, traceparent }, events);
  const order = events.reduce((before, event) => evolve(before, event, at.toISOString()), stored.order);
  const changed = { ...stored, version: expectedVersion + events.length, at, order };
  const every = change.snapshotEvery ?? snapshotEvery;
  if (Math.floor(changed.version / every) > Math.floor(expectedVersion / every))
    await keepSnapshot(trx, changed);
  return changed;
}

/** An order before its first event. */
export function newOrder(number: string, customerId: string): StoredOrder {
  return { number, customerId, version: 0, at: new Date(0), order: initialState };
}

function fold(events: readonly StoredEvent[], from: StoredOrder | undefined): StoredOrder | undefined {
  return events.reduce<StoredOrder | undefined>(
    (before, { orderNumber, customerId, version, at, event }) => ({
      number: orderNumber,
      customerId,
      version,
      at,
      order: evolve(before?.order ?? initialState, event, at.toISOString()),
    }),
    from,
  );
}

async function readSnapshot(
  db: Kysely<OrdersTables>,
  number: string,
  asOf: Date | undefined,
): Promise<StoredOrder | undefined> {
  const row = await db
    .selectFrom('order_snapshots')
    .innerJoin('order_events as first', (join) =>
      join.onRef('first.order_number', '=', 'order_snapshots.order_number').on('first.version', '=', 1),
    )
    .select(['order_snapshots.version', 'order_snapshots.at', 'state', 'first.customer_id'])
    .where('order_snapshots.order_number', '=', number)
    .where('order_snapshots.schema_version', '=', stateVersion)
    .$if(asOf !== undefined, (query) => query.where('order_snapshots.at', '<=', asOf as Date))
    .executeTakeFirst();
  return row && { number, customerId: row.customer_id, version: row.version, at: row.at, order: row.state };
}

async function keepSnapshot(
  trx: Transaction<OrdersTables>,
  { number, version, at, order }: StoredOrder,
): Promise<void> {
  const kept = { version, at, schema_version: stateVersion, state: JSON.stringify(order) };
  await trx
    .insertInto('order_snapshots')
    .values({ order_number: number, ...kept })
    .onConflict((conflict) => conflict.column('order_number').doUpdateSet(kept))
    .execute();
}
