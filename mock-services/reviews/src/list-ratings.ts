import type { components } from '@portico/contracts/generated/reviews.ts';
import type { Kysely } from 'kysely';
import type { ReviewsTables } from './database.ts';

type Rating = components['schemas']['Rating'];

/** One rating for each product, in the order of `productIds`; 0 from 0 reviews where there are none. */
export async function listRatings(
  db: Kysely<ReviewsTables>,
  productIds: readonly string[],
): Promise<Rating[]> {
  const rows = await db
    .selectFrom('reviews')
    .where('product_id', 'in', productIds)
    .groupBy('product_id')
    .select((eb) => [
      'product_id',
      eb.fn.sum<number>('stars').as('stars'),
      eb.fn.countAll<number>().as('count'),
    ])
    .execute();
  const byProduct = new Map(rows.map((row) => [row.product_id, row]));
  return productIds.map((productId) => {
    const { stars, count } = byProduct.get(productId) ?? { stars: 0, count: 0 };
    return { productId, average: count === 0 ? 0 : Math.round((stars / count) * 100) / 100, count };
  });
}
