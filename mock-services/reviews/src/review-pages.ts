import type { components } from '@portico/contracts/generated/reviews.ts';
import { decodeCursor, encodeCursor } from '@portico/runtime/keyset.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { ReviewsTables } from './database.ts';
import { toReview } from './review.ts';

type ReviewPage = components['schemas']['ReviewPage'];
type ProductReviews = components['schemas']['ProductReviews'];
type ReviewRow = Selectable<ReviewsTables['reviews']>;

/** One page of the reviews of a product, newest first. */
export async function pageOfReviews(
  db: Kysely<ReviewsTables>,
  options: { readonly productId: string; readonly limit: number; readonly cursor: string | undefined },
): Promise<ReviewPage> {
  const { productId, limit, cursor } = options;
  let page = db
    .selectFrom('reviews')
    .selectAll()
    .where('product_id', '=', productId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (cursor !== undefined) page = page.where(isAfter(cursor, productId));
  return toPage(productId, await page.execute(), limit);
}

/** The newest reviews of each product, in one query. */
export async function firstReviews(
  db: Kysely<ReviewsTables>,
  productIds: readonly string[],
  first: number,
): Promise<ProductReviews[]> {
  const rows = await db
    .selectFrom(sql<{ id: string }>`unnest(${productIds}::text[])`.as<'asked'>(sql`asked(id)`))
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom('reviews')
          .selectAll()
          .whereRef('product_id', '=', 'asked.id')
          .orderBy('created_at', 'desc')
          .orderBy('id', 'desc')
          .limit(first + 1)
          .as('newest'),
      (join) => join.onTrue(),
    )
    .selectAll('newest')
    .orderBy('newest.created_at', 'desc')
    .orderBy('newest.id', 'desc')
    .execute();
  const byProduct = Map.groupBy(rows, (row) => row.product_id);
  return productIds.map((productId) => {
    const { items, cursors, next } = toPage(productId, byProduct.get(productId) ?? [], first);
    return { productId, reviews: items, cursors, next };
  });
}

/** @param rows one more than `limit` if more follow */
function toPage(productId: string, rows: readonly ReviewRow[], limit: number): ReviewPage {
  const shown = rows.slice(0, limit);
  const cursors = shown.map((row) => encodeCursor(listOf(productId), [row.created_at.getTime(), row.id]));
  return { items: shown.map(toReview), cursors, next: rows.length > limit ? (cursors.at(-1) ?? null) : null };
}

/** The condition that a review stands behind the cursor's place. */
function isAfter(cursor: string, productId: string) {
  const [createdAt, id] = decodeCursor(cursor, listOf(productId), ['number', 'string']);
  if (!Number.isInteger(createdAt) || createdAt < 0 || createdAt > Date.UTC(9999, 11, 31)) {
    throw new Problem('invalid-request', 'The cursor is not one that this list has given.');
  }
  return sql<boolean>`(created_at, id) < (${new Date(createdAt)}, ${id})`;
}

function listOf(productId: string): string {
  return `reviews ${productId}`;
}
