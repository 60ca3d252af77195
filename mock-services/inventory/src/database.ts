import { outboxMigration } from '@portico/change-stream/post/outbox.ts';
import { type Generated, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export interface InventoryTables {
  stock: StockTable;
}

interface StockTable {
  product_id: string;
  /** Pieces free to sell. */
  quantity: number;
  /** Pieces set aside for orders under way, not part of `quantity`. */
  reserved: Generated<number>;
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
};
