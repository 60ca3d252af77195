import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { ShowScreen } from '../screen-answer.ts';
import { openReads } from '../shop-reads.ts';
import { composeProductScreen } from './compose-product-screen.ts';

/** The page of a product: four calls side by side, and one for the names of the authors. */
export function showProduct(clients: ShopServices): ShowScreen<'showProduct'> {
  return async ({ path: { id }, context }) => {
    const reads = openReads(clients, context);
    const [product, stock, rating, reviews] = await Promise.all([
      reads.product(id),
      reads.stock(id),
      reads.rating(id),
      reads.reviews(id),
    ]);
    if (product === null) throw new Problem('not-found', `No product has the id "${id}".`);
    return composeProductScreen({ product, stock, rating, reviews });
  };
}
