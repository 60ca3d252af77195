import { outboxMigration } from '@portico/change-stream/post/outbox.ts';
import { sagaStepsMigration } from '@portico/runtime/saga-step.ts';
import { type Generated, type JSONColumnType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Line } from './move-stock.ts';

export interface InventoryTables {
  stock: StockTable;
  reservations: ReservationTable;
}

interface StockTable {
  product_id: string;
  /** Pieces free to sell. */
  quantity: number;
  /** Pieces set aside for orders under way, not part of `quantity`. */
  reserved: Generated<number>;
}

export interface ReservationTable {
  order_number: string;
  status: 'reserved' | 'refused' | 'released' | 'committed';
  /** What was asked for; nothing where it was released before it came. */
  lines: JSONColumnType<readonly Line[]>;
}

/** By name; they run once each, in the order of their names. */
export const migrations: Record<string, Migration> = {
  '001-stock': {
    async up(db) {
      await sql`
        create table stock (
          product_id text primary key check (product_id ~ '^p[1-9][0-9]{0,8}$'),
          quantity integer not null check (quantity between 0 and 1000000000),
          reserved integer not null default 0 check (reserved between 0 and 1000000000)
        )`.execute(db);
      // Change capture reads the row as it was before an update or a deletion.
      await sql`alter table stock replica identity full`.execute(db);
    },
  },
  '002-publication': {
    async up(db) {
      // What change capture reads of the transaction log.
      await sql`create publication portico for table stock`.execute(db);
    },
  },
  '003-outbox': outboxMigration,
  '004-saga-steps': sagaStepsMigration,
  '005-reservations': {
    async up(db) {
      await sql`
        create table reservations (
          order_number text primary key check (order_number ~ '^o[1-9][0-9]{0,14}$'),
          status text not null check (status in ('reserved', 'refused', 'released', 'committed')),
          lines json not null
        )`.execute(db);
      // What comes back may come on top of the most that an operator can set.
      await sql`
        alter table stock drop constraint stock_quantity_check,
          add constraint stock_quantity_check check (quantity between 0 and 2000000000)`.execute(db);
    },
  },
};
