import { type CursorTables, cursorMigration } from '@portico/change-stream/hub/consumer-cursor.ts';
import { faultsMigration } from '@portico/change-stream/hub/consumer-faults.ts';
import { type ColumnType, type Generated, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { ratingsMigration } from './ratings/ratings-database.ts';
import { searchMigration } from './search-database.ts';

export interface CatalogTables extends CursorTables {
  categories: CategoryTable;
  products: ProductTable;
  folded_reviews: FoldedReviewTable;
}

interface CategoryTable {
  id: string;
  name: string;
  /** Place among the categories, from 1. */
  position: number;
}

interface ProductTable {
  id: string;
  name: string;
  description: Generated<string>;
  category_id: string;
  /** Minor units. */
  price_amount: number;
  /** ISO 4217. */
  price_currency: Generated<string>;
  /** Place in the list as the shop arranged it, lowest first; products may share one. */
  featured_rank: Generated<number>;
  created_at: ColumnType<Date, Date | undefined, never>;
  /** Of the reviews that are folded, in hundredths of a star; 0 without any. Follows from `folded_reviews`. */
  rating_average: ColumnType<number, never, number>;
  rating_count: ColumnType<number, never, number>;
  /** A tsvector of the words; a trigger makes it. */
  search: ColumnType<string, never, never>;
}

/** What the catalog knows of the reviews of reviews, also of products that it doesn't have. Private. */
export interface FoldedReviewTable {
  id: string;
  product_id: string;
  stars: number;
  /** The review came, or came again, since the last snapshot began. */
  is_confirmed: Generated<boolean>;
}

/** By name; they run once each, in the order of their names. */
export const migrations: Record<string, Migration> = {
  '001-products': {
    async up(db) {
      await sql`
        create table categories (
          id text primary key check (id ~ '^[a-z][a-z0-9-]{0,31}$'),
          name text not null check (length(name) between 1 and 100),
          position integer not null unique
        )`.execute(db);
      await sql`
        create table products (
          id text primary key check (id ~ '^p[1-9][0-9]{0,8}$'),
          name text not null check (length(name) between 1 and 200),
          description text not null default '' check (length(description) <= 4000),
          category_id text not null references categories,
          price_amount integer not null check (price_amount between 0 and 1000000000),
          price_currency text not null default 'EUR' check (price_currency ~ '^[A-Z]{3}$'),
          featured_rank integer not null default 1000000000 check (featured_rank >= 0),
          created_at timestamptz(3) not null default now() check (created_at between '1970-01-01Z' and '9999-12-31Z')
        )`.execute(db);
      // One index for every order, over all products and within a category; the id makes each order total.
      for (const order of ['featured_rank', 'price_amount', 'created_at']) {
        await sql`create index on products (${sql.ref(order)}, id)`.execute(db);
        await sql`create index on products (category_id, ${sql.ref(order)}, id)`.execute(db);
      }
      // Change capture reads the row as it was before an update or a deletion.
      await sql`alter table products replica identity full`.execute(db);
      await sql`alter table categories replica identity full`.execute(db);
    },
  },
  '002-publication': {
    async up(db) {
      // What change capture reads of the transaction log.
      await sql`create publication portico for table products, categories`.execute(db);
    },
  },
  '003-search': searchMigration,
  '004-ratings': ratingsMigration,
  '005-hub-cursors': cursorMigration,
  '006-hub-faults': faultsMigration,
};
