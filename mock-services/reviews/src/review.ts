import type { components } from '@portico/contracts/generated/reviews.ts';
import type { Selectable } from 'kysely';
import type { ReviewsTables } from './database.ts';

export type Review = components['schemas']['Review'];

/** A review as outsiders see it. */
export function toReview(row: Selectable<ReviewsTables['reviews']>): Review {
  return {
    id: row.id,
    productId: row.product_id,
    customerId: row.customer_id,
    stars: row.stars,
    body: row.body,
    createdAt: row.created_at.toISOString(),
  };
}
