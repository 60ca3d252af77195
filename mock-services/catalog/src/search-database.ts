import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * The words of each product, those of the name (A) above those of the description (B). A trigger writes the column and not
 * `generated always`: PostgreSQL 18 refuses changes of a published table with whole rows in the log that has such a column.
 */
export const searchMigration: Migration = {
  async up(db) {
    await sql`alter table products add column search tsvector not null default ''`.execute(db);
    await sql`
      create function find_words() returns trigger language plpgsql as $$
      begin
        new.search := setweight(to_tsvector('english', new.name), 'A')
          || setweight(to_tsvector('english', new.description), 'B');
        return new;
      end $$`.execute(db);
    await sql`
      create trigger find_words before insert or update of name, description, search on products
        for each row execute function find_words()`.execute(db);
    await sql`update products set search = ''`.execute(db);
    await sql`create index on products using gin (search)`.execute(db);
  },
};
