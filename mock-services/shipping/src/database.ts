import type { components } from '@portico/contracts/generated/shipping.ts';
import { sagaStepsMigration } from '@portico/runtime/saga-step.ts';
import { type ColumnType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export interface ShippingTables {
  shipments: ShipmentTable;
}

export interface ShipmentTable {
  order_number: string;
  status: 'scheduled' | 'shipped' | 'cancelled';
  /** Null of a shipment that was cancelled before it came, as is all that follows. */
  leaves_at: Date | null;
  customer_id: string | null;
  lines: ColumnType<components['schemas']['Lines'] | null, string | null, never>;
}

/** By name; they run once each, in the order of their names. */
export const migrations: Record<string, Migration> = {
  '001-shipments': {
    async up(db) {
      await sql`
        create table shipments (
          order_number text primary key check (order_number ~ '^o[1-9][0-9]{0,14}$'),
          status text not null check (status in ('scheduled', 'shipped', 'cancelled')),
          leaves_at timestamptz(3),
          customer_id text check (customer_id ~ '^c[1-9][0-9]{0,8}$'),
          lines json
        )`.execute(db);
      // For those that are due.
      await sql`create index on shipments (leaves_at) where status = 'scheduled'`.execute(db);
      // Change capture reads the row as it was before an update or a deletion.
      await sql`alter table shipments replica identity full`.execute(db);
    },
  },
  '002-saga-steps': sagaStepsMigration,
  '003-publication': {
    async up(db) {
      // What change capture reads of the transaction log.
      await sql`create publication portico for table shipments`.execute(db);
    },
  },
};
