import { schemaVersions, upcastOrderEvent } from '@portico/contracts/events/upcast-order-events.ts';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { OrdersTables } from '../database.ts';
import type { OrderEvent } from '../order.ts';

export interface StoredEvent {
  readonly orderNumber: string;
  readonly version: number;
  readonly customerId: string;
  readonly at: Date;
  readonly traceparent: string;
  /** As the newest schema has it. */
  readonly event: OrderEvent;
}

/** Which events are added to, and what is said of each. */
export interface Stream {
  readonly orderNumber: string;
  readonly customerId: string;
  /** Of the last event that was read; 0 for an order that there is not. */
  readonly expectedVersion: number;
  readonly at: Date;
  readonly traceparent: string;
}

/** Somebody else has added events meanwhile: read again, and decide again. */
export class VersionConflict extends Error {
  override name = 'VersionConflict';
}

/**
 * Adds events to an order, all or none, with the versions that follow.
 * @throws VersionConflict when the order's last event is not the one with the expected version; the transaction is void then
 */
export async function appendEvents(
  trx: Transaction<OrdersTables>,
  { orderNumber, customerId, expectedVersion, at, traceparent }: Stream,
  events: readonly OrderEvent[],
): Promise<void> {
  const types = events.map(({ type }) => type);
  const { numAffectedRows } = await sql`
    insert into order_events (order_number, version, customer_id, type, schema_version, at, data, traceparent)
    select ${orderNumber}, ${expectedVersion} + nth, ${customerId}, type, schema_version, ${at}, data::jsonb, ${traceparent}
    from unnest(${types}::text[], ${types.map((type) => schemaVersions[type] ?? 1)}::smallint[],
      ${events.map(({ data }) => JSON.stringify(data))}::text[]) with ordinality as added (type, schema_version, data, nth)
    where ${expectedVersion} = (select coalesce(max(version), 0) from order_events where order_number = ${orderNumber})
    on conflict do nothing`.execute(trx);
  if (numAffectedRows !== BigInt(events.length))
    throw new VersionConflict(`${orderNumber} is not at version ${expectedVersion}`);
}

/** From here to the end of the transaction nobody else adds events to the order. */
export async function lockStream(trx: Transaction<OrdersTables>, orderNumber: string): Promise<void> {
  await sql`
    select from order_events where order_number = ${orderNumber} and version = 1 for no key update`.execute(
    trx,
  );
}

/** The events of these orders above a version, each order's in their order. @param until those of later are left out */
export async function readEvents(
  db: Kysely<OrdersTables>,
  orderNumbers: readonly string[],
  { after = 0, until }: { readonly after?: number; readonly until?: Date | undefined } = {},
): Promise<readonly StoredEvent[]> {
  let query = db
    .selectFrom('order_events')
    .selectAll()
    .where('order_number', 'in', orderNumbers)
    .where('version', '>', after)
    .orderBy('order_number')
    .orderBy('version');
  if (until !== undefined) query = query.where('at', '<=', until);
  return (await query.execute()).map((row) => ({
    orderNumber: row.order_number,
    version: row.version,
    customerId: row.customer_id,
    at: row.at,
    traceparent: row.traceparent,
    event: {
      type: row.type,
      data: upcastOrderEvent({ type: row.type, schemaVersion: row.schema_version, data: row.data }),
    } as OrderEvent,
  }));
}
