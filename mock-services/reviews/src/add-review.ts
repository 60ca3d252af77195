import type { components } from '@portico/contracts/generated/reviews.ts';
import type { Answer } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { sql, type Transaction } from 'kysely';
import type { ReviewsTables } from './database.ts';
import { requireNotForgotten } from './forgotten/forget-customers.ts';
import type { Review } from './review.ts';

export interface AddReview {
  readonly idempotencyKey: string;
  readonly productId: string;
  readonly customerId: string;
  readonly review: components['schemas']['NewReview'];
  readonly now: Date;
}

/**
 * Adds a review, once for each idempotency key of a customer: a repeated command gets the first one's answer, with the name of
 * its commit.
 * @param trx the transaction of the command, whose commit is named `commitId`
 * @throws Problem `conflict` when the key was used for another review, `forbidden` when the customer was forgotten.
 */
export async function addReview(
  trx: Transaction<ReviewsTables>,
  command: AddReview,
  commitId: string,
): Promise<Answer<Review>> {
  await requireNotForgotten(trx, command.customerId);
  const review = await composeReview(trx, command);
  const { customerId } = review;
  // While another request with this key runs, this waits for its commit; if it fails, this one takes its place.
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('idempotency_keys')
    .values({
      customer_id: customerId,
      key: command.idempotencyKey,
      answer: JSON.stringify(review),
      commit_id: commitId,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) return earlierAnswer(trx, command);

  const { id, productId, stars, body } = review;
  await trx
    .insertInto('reviews')
    .values({ id, product_id: productId, customer_id: customerId, stars, body, created_at: command.now })
    .execute();
  return { status: 201, body: review };
}

async function composeReview(
  db: Transaction<ReviewsTables>,
  { productId, customerId, review, now }: AddReview,
): Promise<Review> {
  const { rows } = await sql<{ number: number }>`select nextval('review_numbers') as number`.execute(db);
  const { stars, body } = review;
  return { id: `r${rows[0]?.number}`, productId, customerId, stars, body, createdAt: now.toISOString() };
}

async function earlierAnswer(
  db: Transaction<ReviewsTables>,
  { productId, customerId, review, idempotencyKey }: AddReview,
): Promise<Answer<Review>> {
  const { answer, commit_id } = await db
    .selectFrom('idempotency_keys')
    .select(['answer', 'commit_id'])
    .where('customer_id', '=', customerId)
    .where('key', '=', idempotencyKey)
    .executeTakeFirstOrThrow();
  const isSame =
    answer.productId === productId && answer.stars === review.stars && answer.body === review.body;
  if (!isSame)
    throw new Problem('conflict', 'This Idempotency-Key was used for another review: take a new one.');
  // A key from before commits were named: this command's own commit comes after that one.
  return { status: 201, body: answer, headers: commit_id === null ? {} : { 'Commit-Id': commit_id } };
}
