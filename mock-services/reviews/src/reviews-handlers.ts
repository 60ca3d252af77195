import type { operations } from '@portico/contracts/generated/reviews.ts';
import { answerCommit } from '@portico/runtime/commit.ts';
import type { Database } from '@portico/runtime/database.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { sql } from 'kysely';
import { addReview } from './add-review.ts';
import { createCustomerOf } from './customer-of.ts';
import type { ReviewsTables } from './database.ts';
import { listRatings } from './list-ratings.ts';
import { toReview } from './review.ts';
import { firstReviews, pageOfReviews } from './review-pages.ts';

/** What each operation of reviews does. */
export function createReviewsHandlers(
  database: Database<ReviewsTables>,
  now: () => number,
): OperationHandlers<operations> {
  const customerOf = createCustomerOf();
  const during = (context: RequestContext) => database.during(context);
  return {
    listRatings: async ({ query, context }) => ({
      body: { items: await listRatings(during(context), query.ids) },
    }),

    listProductReviews: async ({ query: { ids, first = 2 }, context }) => ({
      body: { items: await firstReviews(during(context), ids, first) },
    }),

    listReviewsOfProduct: async ({ path, query: { limit = 20, cursor }, context }) => ({
      body: await pageOfReviews(during(context), { productId: path.id, limit, cursor }),
    }),

    addReview: async ({ path, headers, body, context }) => {
      const idempotencyKey = String(headers['idempotency-key']);
      const command = {
        idempotencyKey,
        productId: path.id,
        customerId: customerOf(context),
        review: body,
        now: new Date(now()),
      };
      return answerCommit(during(context), 'reviews', (trx, commitId) => addReview(trx, command, commitId));
    },

    listReviews: async ({ query: { ids }, context }) => {
      const rows = await during(context)
        .selectFrom('reviews')
        .selectAll()
        .where('id', 'in', ids)
        .orderBy(sql`array_position(${ids}::text[], id)`)
        .execute();
      return { body: { items: rows.map(toReview) } };
    },
  };
}
