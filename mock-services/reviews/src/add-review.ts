import type { components } from '@portico/contracts/generated/reviews.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { type Kysely, sql } from 'kysely';
import type { ReviewsTables } from './database.ts';
import type { Review } from './review.ts';

export interface AddReview {
  readonly idempotencyKey: string;
  readonly productId: string;
  readonly customerId: string;
  readonly review: components['schemas']['NewReview'];
  readonly now: Date;
}

/**
 * Adds a review, once for each idempotency key of a customer: a repeated command gets the first one's answer.
 * @throws Problem `conflict` when the key was used for another review.
 */
export async function addReview(db: Kysely<ReviewsTables>, command: AddReview): Promise<Review> {
  return db.transaction().execute(async (trx) => {
    const review = await composeReview(trx, command);
    // While another request with this key runs, this waits for its commit; if it fails, this one takes its place.
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('idempotency_keys')
      .values({ customer_id: review.customerId, key: command.idempotencyKey, answer: JSON.stringify(review) })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows === 0n) return earlierAnswer(trx, command);

    await trx
      .insertInto('reviews')
      .values({
        id: review.id,
        product_id: review.productId,
        customer_id: review.customerId,
        stars: review.stars,
        body: review.body,
        created_at: command.now,
      })
      .execute();
    return review;
  });
}

async function composeReview(
  db: Kysely<ReviewsTables>,
  { productId, customerId, review, now }: AddReview,
): Promise<Review> {
  const { rows } = await sql<{ number: number }>`select nextval('review_numbers') as number`.execute(db);
  const { stars, body } = review;
  return { id: `r${rows[0]?.number}`, productId, customerId, stars, body, createdAt: now.toISOString() };
}

async function earlierAnswer(
  db: Kysely<ReviewsTables>,
  { productId, customerId, review, idempotencyKey }: AddReview,
) {
  const { answer } = await db
    .selectFrom('idempotency_keys')
    .select('answer')
    .where('customer_id', '=', customerId)
    .where('key', '=', idempotencyKey)
    .executeTakeFirstOrThrow();
  const isSame =
    answer.productId === productId && answer.stars === review.stars && answer.body === review.body;
  if (!isSame)
    throw new Problem('conflict', 'This Idempotency-Key was used for another review: take a new one.');
  return answer;
}
