import type { operations } from '@portico/contracts/generated/reviews.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { type Kysely, sql } from 'kysely';
import { addReview } from './add-review.ts';
import { createCustomerOf } from './customer-of.ts';
import type { ReviewsTables } from './database.ts';
import { listRatings } from './list-ratings.ts';
import { toReview } from './review.ts';
import { firstReviews, pageOfReviews } from './review-pages.ts';

/** What each operation of reviews does. */
export function createReviewsHandlers(
  db: Kysely<ReviewsTables>,
  now: () => number,
): OperationHandlers<operations> {
  const customerOf = createCustomerOf();
  return {
    listRatings: async ({ query }) => ({ body: { items: await listRatings(db, query.ids) } }),

    listProductReviews: async ({ query: { ids, first = 2 } }) => ({
      body: { items: await firstReviews(db, ids, first) },
    }),

    listReviewsOfProduct: async ({ path, query: { limit = 20, cursor } }) => ({
      body: await pageOfReviews(db, { productId: path.id, limit, cursor }),
    }),

    addReview: async ({ path, headers, body, context }) => {
      const idempotencyKey = String(headers['idempotency-key']);
      const review = await addReview(db, {
        idempotencyKey,
        productId: path.id,
        customerId: customerOf(context),
        review: body,
        now: new Date(now()),
      });
      return { status: 201, body: review };
    },

    listReviews: async ({ query: { ids } }) => {
      const rows = await db
        .selectFrom('reviews')
        .selectAll()
        .where('id', 'in', ids)
        .orderBy(sql`array_position(${ids}::text[], id)`)
        .execute();
      return { body: { items: rows.map(toReview) } };
    },
  };
}
