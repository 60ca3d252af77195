import { seedOnce } from '@portico/runtime/seed-once.ts';
import { type Kysely, sql } from 'kysely';
import { composeReviews } from './compose-reviews.ts';
import type { ReviewsTables } from './database.ts';

/** PostgreSQL takes 65,535 parameters in a statement; this stays well below. */
const rowsPerInsert = 2_000;

/** Fills a new database with the reviews of `productCount` products. */
export async function seedReviews(db: Kysely<ReviewsTables>, productCount: number): Promise<void> {
  await seedOnce(db, async (trx) => {
    let count = 0;
    for (const reviews of inBatches(composeReviews(productCount), rowsPerInsert)) {
      await trx.insertInto('reviews').values(reviews).execute();
      count += reviews.length;
    }
    await sql`select setval('review_numbers', ${count})`.execute(trx);
    // Without statistics the first queries would sort the whole table instead of walking an index.
    await sql`analyze reviews`.execute(trx);
  });
}

function* inBatches<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
