import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export interface CustomersTables {
  customers: { id: string; display_name: string };
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
};
