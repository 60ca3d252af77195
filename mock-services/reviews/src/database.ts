import { type CursorTables, cursorMigration } from '@portico/change-stream/hub/consumer-cursor.ts';
import { faultsMigration } from '@portico/change-stream/hub/consumer-faults.ts';
import { type ColumnType, type Generated, type JSONColumnType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { type ForgottenTable, forgottenMigration } from './forgotten/forget-customers.ts';
import type { Review } from './review.ts';

export interface ReviewsTables extends CursorTables {
  forgotten_customers: ForgottenTable;
  reviews: ReviewTable;
  idempotency_keys: IdempotencyKeyTable;
}

interface ReviewTable {
  /** `r<number>` with a number from the sequence `review_numbers`. */
  id: Generated<string>;
  product_id: string;
  customer_id: string;
  /** 1 to 5. */
  stars: number;
  body: string;
  created_at: ColumnType<Date, Date | undefined, never>;
}

/** The answers to reviews that were added; a repeated request gets them again. */
interface IdempotencyKeyTable {
  /** A key belongs to its customer. */
  customer_id: string;
  key: string;
  answer: JSONColumnType<Review>;
  /** The `Commit-Id` of that answer; null from before commits were named. */
  commit_id: string | null;
}

/** By name; they run once each, in the order of their names. */
export const migrations: Record<string, Migration> = {
  '001-reviews': {
    async up(db) {
      await sql`create sequence review_numbers maxvalue 999999999`.execute(db);
      await sql`
        create table reviews (
          id text primary key default 'r' || nextval('review_numbers') check (id ~ '^r[1-9][0-9]{0,8}$'),
          product_id text not null check (product_id ~ '^p[1-9][0-9]{0,8}$'),
          customer_id text not null check (customer_id ~ '^c[1-9][0-9]{0,8}$'),
          stars smallint not null check (stars between 1 and 5),
          body text not null check (length(body) between 1 and 2000),
          created_at timestamptz(3) not null default now() check (created_at between '1970-01-01Z' and '9999-12-31Z')
        )`.execute(db);
      // For the pages of a product in their order, and with the stars in it for its rating.
      await sql`create index on reviews (product_id, created_at, id) include (stars)`.execute(db);
      // Change capture reads the row as it was before an update or a deletion.
      await sql`alter table reviews replica identity full`.execute(db);
    },
  },
  '002-idempotency-keys': {
    async up(db) {
      await sql`
        create table idempotency_keys (
          customer_id text not null,
          key text not null,
          answer json not null,
          primary key (customer_id, key)
        )`.execute(db);
    },
  },
  '003-commit-ids': {
    async up(db) {
      await sql`alter table idempotency_keys add column commit_id text`.execute(db);
    },
  },
  '004-publication': {
    async up(db) {
      // What change capture reads of the transaction log.
      await sql`create publication portico for table reviews`.execute(db);
    },
  },
  '005-forgotten': forgottenMigration,
  '006-hub-cursors': cursorMigration,
  '007-hub-faults': faultsMigration,
};
