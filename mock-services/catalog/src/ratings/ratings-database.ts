import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Taken shared by whoever adds a product, alone by whoever folds: neither misses what the other has not committed yet. */
export const ratingsLock = sql.raw(`hashtext('portico'), hashtext('ratings')`);

export const ratingsMigration: Migration = {
  async up(db) {
    await sql`
      create table folded_reviews (
        id text primary key,
        product_id text not null,
        stars smallint not null,
        is_confirmed boolean not null default true
      )`.execute(db);
    await sql`create index on folded_reviews (product_id) include (stars)`.execute(db);
    await sql`
      alter table products
        add column rating_average integer not null default 0,
        add column rating_count integer not null default 0`.execute(db);
    await sql`create index on products (rating_average, rating_count, id)`.execute(db);
    await sql`create index on products (category_id, rating_average, rating_count, id)`.execute(db);
    // Rounded as reviews rounds it, so that products stand in the order of what is shown.
    await sql`
      create function rating_of(product text, out average integer, out count integer) language sql stable as $$
        select coalesce(floor(sum(stars)::float8 / count(*) * 100 + 0.5), 0)::integer, count(*)::integer
        from folded_reviews where product_id = product $$`.execute(db);
    // A product may come after its reviews.
    await sql`
      create function find_rating() returns trigger language plpgsql as $$
      begin
        perform pg_advisory_xact_lock_shared(${ratingsLock});
        select average, count into new.rating_average, new.rating_count from rating_of(new.id);
        return new;
      end $$`.execute(db);
    await sql`
      create trigger find_rating before insert or update of id on products
        for each row execute function find_rating()`.execute(db);
  },
};
