import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import { readCards } from '../products/read-cards.ts';
import type { ShowScreen } from '../screen-answer.ts';
import { openReads } from '../shop-reads.ts';
import { composeHome } from './compose-home.ts';

const productsPerShelf = 6;

/** The home screen: three calls of the catalog, then one each for stock and ratings of all its products. */
export function showHome(clients: ShopServices): ShowScreen<'showHome'> {
  return async ({ context }) => {
    const reads = openReads(clients, context);
    const [featured, newest, categories] = await Promise.all([
      reads.productPage({ sort: 'featured', limit: productsPerShelf }),
      reads.productPage({ sort: 'newest', limit: productsPerShelf }),
      reads.categories(),
    ]);
    const [featuredCards, newestCards] = await Promise.all([
      readCards(reads, featured.items),
      readCards(reads, newest.items),
    ]);
    return composeHome({ featured: featuredCards, newest: newestCards, categories: categories.items });
  };
}
