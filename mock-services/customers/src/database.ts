import { type ColumnType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export interface CustomersTables {
  customers: {
    id: string;
    /** Empty of a customer who was forgotten. */
    display_name: string;
    /** When the customer was forgotten; null of all others. */
    forgotten_at: ColumnType<Date | null, Date | undefined, Date>;
  };
}

/** By name; they run once each, in the order of their names. */
export const migrations: Record<string, Migration> = {
  '001-customers': {
    async up(db) {
      await sql`
        create table customers (
          id text primary key check (id ~ '^c[1-9][0-9]{0,8}$'),
          display_name text not null check (length(display_name) between 1 and 80)
        )`.execute(db);
      // Change capture reads the row as it was before an update or a deletion.
      await sql`alter table customers replica identity full`.execute(db);
    },
  },
  '002-publication': {
    async up(db) {
      // What change capture reads of the transaction log.
      await sql`create publication portico for table customers`.execute(db);
    },
  },
  '003-forgotten': {
    async up(db) {
      await sql`
        alter table customers
          add column forgotten_at timestamptz(3),
          drop constraint customers_display_name_check,
          add check (length(display_name) between 1 and 80 or forgotten_at is not null)`.execute(db);
      // For the list of those who were forgotten.
      await sql`create index on customers (id) where forgotten_at is not null`.execute(db);
    },
  },
};
