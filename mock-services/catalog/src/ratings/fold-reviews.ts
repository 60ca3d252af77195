import type { HubRecord } from '@portico/change-stream/hub/event-hub.ts';
import {
  type ChangeCause,
  everythingChanged,
  type PublicEvent,
} from '@portico/contracts/events/change-event.ts';
import { reviewsEvents } from '@portico/contracts/events/reviews-events.ts';
import { sql, type Transaction } from 'kysely';
import type { CatalogTables } from '../database.ts';
import { ratingsLock } from './ratings-database.ts';

/** As much of a review as its rating needs. */
export interface FoldedReview {
  readonly id: string;
  readonly productId: string;
  readonly stars: number;
}

type Trx = Transaction<CatalogTables>;
/** The reviews of these products, as the service has them now. */
export type ReadReviews = (productIds: readonly string[]) => AsyncIterable<readonly FoldedReview[]>;

/**
 * Does to the catalog's own table what the records did to the reviews, and brings the ratings of the products up to date. Each
 * review has its last state, so records that come again, or that tell what was read already, lead to the same end.
 *
 * Between a snapshot's begin and end all reviews come; what did not come is gone then. After a TRUNCATE (which says nothing of
 * rows that were added in the same transaction), a transaction that was too large to tell and a change that can't be
 * understood, only the service knows what there is: it is asked, and while it is away the fold waits there.
 */
export async function foldReviews(
  records: readonly HubRecord[],
  trx: Trx,
  readReviews: ReadReviews,
): Promise<void> {
  const fold = createFold(trx);
  for (const event of records.flatMap(({ source, events }) => (source === 'reviews' ? events : []))) {
    switch (meaningOf(event)) {
      case 'review':
        fold.change(event.key, event.data.after as FoldedReview | null);
        break;
      case 'snapshot-begun':
        await fold.doubtAll();
        break;
      case 'snapshot-ended':
        await fold.dropDoubted();
        break;
      default:
        await fold.takeAll(readReviews);
    }
  }
  await fold.finish();
}

/** Makes the fold anew from what the service says. */
export async function foldAnew(trx: Trx, readReviews: ReadReviews): Promise<void> {
  const fold = createFold(trx);
  await fold.takeAll(readReviews);
  await fold.finish();
}

function meaningOf(event: PublicEvent): 'review' | ChangeCause {
  if (event.type === everythingChanged) return event.key as ChangeCause;
  return reviewsEvents.problemOf(event) === undefined ? 'review' : 'not-understood';
}

function createFold(trx: Trx) {
  /** By review, what it is at last; null for one that is gone. Not yet in the table. */
  const changes = new Map<string, FoldedReview | null>();
  /** The products whose rating may be another one. */
  const touched = new Set<string>();

  const write = async () => {
    if (changes.size === 0) return;
    const there = [...changes.values()].filter((review) => review !== null);
    const gone = [...changes.keys()].filter((id) => changes.get(id) === null);
    const former = await sql<{ product_id: string }>`
      select product_id from folded_reviews where id = any(${[...changes.keys()]}::text[])`.execute(trx);
    for (const { product_id } of former.rows) touched.add(product_id);
    for (const { productId } of there) touched.add(productId);
    changes.clear();
    await sql`delete from folded_reviews where id = any(${gone}::text[])`.execute(trx);
    await sql`
      insert into folded_reviews (id, product_id, stars)
      select * from unnest(${there.map(({ id }) => id)}::text[], ${there.map(({ productId }) => productId)}::text[],
        ${there.map(({ stars }) => stars)}::smallint[])
      on conflict (id) do update set product_id = excluded.product_id, stars = excluded.stars, is_confirmed = true`.execute(
      trx,
    );
  };
  const doubtAll = async () => {
    await write();
    await trx.updateTable('folded_reviews').set({ is_confirmed: false }).execute();
  };
  const dropDoubted = async () => {
    await write();
    const dropped = trx
      .deleteFrom('folded_reviews')
      .where('is_confirmed', '=', false)
      .returning('product_id');
    for (const { product_id } of await dropped.execute()) touched.add(product_id);
  };

  return {
    change: (id: string, review: FoldedReview | null) => void changes.set(id, review),
    doubtAll,
    dropDoubted,
    takeAll: async (readReviews: ReadReviews) => {
      await doubtAll();
      const products = await reviewedProducts(trx);
      for (const id of products) touched.add(id);
      for await (const reviews of readReviews(products)) {
        for (const review of reviews) changes.set(review.id, review);
        await write();
      }
      await dropDoubted();
    },
    finish: async () => {
      await write();
      if (touched.size > 0) await rateProducts(trx, [...touched]);
    },
  };
}

/** All that the catalog has, or has folded a review of. */
async function reviewedProducts(trx: Trx): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from products union select product_id from folded_reviews order by 1`.execute(trx);
  return rows.map(({ id }) => id);
}

async function rateProducts(trx: Trx, ids: readonly string[]): Promise<void> {
  await sql`select pg_advisory_xact_lock(${ratingsLock})`.execute(trx);
  await sql`
    update products set rating_average = average, rating_count = count
    from unnest(${ids}::text[]) as touched (product_id), rating_of(touched.product_id)
    where id = touched.product_id and (rating_average, rating_count) is distinct from (average, count)`.execute(
    trx,
  );
}
