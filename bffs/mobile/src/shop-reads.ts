import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { operations } from '@portico/contracts/generated/catalog.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { type Part, partFrom } from './part.ts';
import type { CardParts, Product } from './products/compose-product-card.ts';
import type { ReviewParts, ServiceReview } from './products/compose-product-screen.ts';

export type ProductListQuery = NonNullable<operations['listProducts']['parameters']['query']>;
export type ShopReads = ReturnType<typeof openReads>;

/** So many reviews come with the page of a product. */
const firstReviews = 3;

/**
 * What one request reads from the services. Reads by id that are asked for at the same moment go out as one call.
 * Failures of the catalog reject, as there is no screen without it; of other services they are the outcome of a part.
 */
export function openReads({ catalog, inventory, reviews, customers }: ShopServices, context: RequestContext) {
  const products = catalog.loader('/products', {}, { context, idOf: ({ id }) => id });
  const stock = inventory.loader('/stock', {}, { context, idOf: ({ productId }) => productId });
  const ratings = reviews.loader('/ratings', {}, { context, idOf: ({ productId }) => productId });
  const newest = reviews.loader(
    '/product-reviews',
    { first: firstReviews },
    { context, idOf: ({ productId }) => productId },
  );
  const authors = customers.loader('/customers', {}, { context, idOf: ({ id }) => id });

  const withAuthor = async (review: ServiceReview): Promise<ReviewParts> => {
    const author = await partFrom('customers', authors.load(review.customerId));
    return {
      review,
      displayName: author.ok ? { ok: true, value: author.value?.displayName ?? null } : author,
    };
  };

  return {
    withAuthor,
    productPage: (query: ProductListQuery) => found(catalog.get('/products', { query }, context)),
    categories: () => found(catalog.get('/categories', {}, context)),
    product: (id: string): Promise<Product | null> => products.load(id),
    customer: (id: string) => customers.get('/customers/{id}', { path: { id } }, context),
    stock: (productId: string): Promise<CardParts['stock']> => partFrom('inventory', stock.load(productId)),
    rating: (productId: string): Promise<CardParts['rating']> => partFrom('reviews', ratings.load(productId)),
    reviews: async (productId: string): Promise<Part<readonly ReviewParts[]>> => {
      const found = await partFrom('reviews', newest.load(productId));
      if (!found.ok) return found;
      return { ok: true, value: await Promise.all((found.value?.reviews ?? []).map(withAuthor)) };
    },
  };
}

/** Lists always exist: a catalog that answers 404 for one is not the one that we know. */
async function found<Body>(reading: Promise<Body | null>): Promise<Body> {
  const body = await reading;
  if (body === null) throw new Problem('bad-upstream', 'The catalogue gave an answer that can not be used.');
  return body;
}
