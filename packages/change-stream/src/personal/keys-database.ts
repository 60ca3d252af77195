import { type Generated, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The database of the customers' keys; nobody else's data is in it. */
export interface KeysTables {
  master_key: { only_row: Generated<boolean>; mark: Buffer };
  personal_keys: {
    customer_id: string;
    /** As is `wrapped`, null of a customer who was forgotten. */
    key_id: string | null;
    /** The key, wrapped by the master key. */
    wrapped: Buffer | null;
    forgotten_at: Date | null;
  };
}

/** By name; they run once each, in the order of their names. */
export const migrations: Record<string, Migration> = {
  '001-keys': {
    async up(db) {
      // What tells the master key that the keys are wrapped by.
      await sql`
        create table master_key (
          only_row boolean primary key default true check (only_row),
          mark bytea not null
        )`.execute(db);
      // The row of a customer who was forgotten stays, without the key: there is no other one for them.
      await sql`
        create table personal_keys (
          customer_id text primary key,
          key_id text unique,
          wrapped bytea,
          forgotten_at timestamptz,
          check ((key_id is null) = (wrapped is null) and (wrapped is null) = (forgotten_at is not null))
        )`.execute(db);
    },
  },
};
