import type { ServiceName, ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { operations } from '@portico/contracts/generated/catalog.ts';
import { ClientGone, DeadlineExceeded, type RequestContext } from '@portico/runtime/request-context.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import type DataLoader from 'dataloader';
import type { ServiceIds } from './service-ids.ts';

export type ProductsQuery = NonNullable<operations['listProducts']['parameters']['query']>;
export interface ReviewsQuery {
  readonly limit: number;
  readonly cursor: string;
}

export type Loaders = ReturnType<typeof createLoaders>;

/**
 * What one request reads. Reads by id that are asked for at the same moment go to the service as one call, and each
 * thing is read once a request. What doesn't exist is null.
 *
 * A read that fails rejects with a ServiceError, so that whoever asked can be told which service it was.
 */
export function createLoaders(services: ShopServices, ids: ServiceIds, context: RequestContext) {
  const { catalog, inventory, reviews, customers, orders } = services;
  const product = catalog.loader('/products', {}, { context, idOf: ({ id }) => id });
  const stock = inventory.loader('/stock', {}, { context, idOf: ({ productId }) => productId });
  const rating = reviews.loader('/ratings', {}, { context, idOf: ({ productId }) => productId });
  const review = reviews.loader('/reviews', {}, { context, idOf: ({ id }) => id });
  const customer = customers.loader('/customers', {}, { context, idOf: ({ id }) => id });
  const firstReviews = keyed((first: number) =>
    reviews.loader('/product-reviews', { first }, { context, idOf: ({ productId }) => productId }),
  );

  return {
    productPage: (query: ProductsQuery) => always('catalog', catalog.get('/products', { query }, context)),
    categories: () => always('catalog', catalog.get('/categories', {}, context)),
    product: (id: string) => byId('catalog', product, id, ids.isProduct),
    stock: (productId: string) => named('inventory', stock.load(productId)),
    rating: (productId: string) => named('reviews', rating.load(productId)),
    review: (id: string) => byId('reviews', review, id, ids.isReview),
    firstReviews: (productId: string, first: number) => named('reviews', firstReviews(first).load(productId)),
    reviewPage: (id: string, query: ReviewsQuery) =>
      always('reviews', reviews.get('/products/{id}/reviews', { path: { id }, query }, context)),
    customer: (id: string) => byId('customers', customer, id, ids.isCustomer),
    /** Of whoever is signed in, as all orders. */
    order: async (number: string) =>
      ids.isOrder(number) ? named('orders', orders.order(number, context)) : null,
    orderPage: (first: number, after?: string) => named('orders', orders.orders(first, after, context)),
  };
}

function keyed<Key, Value>(create: (key: Key) => Value): (key: Key) => Value {
  const known = new Map<Key, Value>();
  return (key) => {
    const value = known.get(key) ?? create(key);
    known.set(key, value);
    return value;
  };
}

async function byId<Item>(
  service: ServiceName,
  loader: DataLoader<string, Item | null>,
  id: string,
  isId: (id: string) => boolean,
): Promise<Item | null> {
  return isId(id) ? named(service, loader.load(id)) : null;
}

/** For addresses that always have something: there, a 404 is no answer. */
async function always<Body>(service: ServiceName, reading: Promise<Body | null>): Promise<Body> {
  const body = await named(service, reading);
  if (body === null) throw new ServiceError(service, 'bad-answer', 'answered 404 to a list');
  return body;
}

/** Who stops waiting is told only why, as many reads may end by it: the service's name is added here. */
async function named<Value>(service: ServiceName, reading: Promise<Value>): Promise<Value> {
  try {
    return await reading;
  } catch (error) {
    const stopped = error instanceof DeadlineExceeded || error instanceof ClientGone;
    throw stopped ? new ServiceError(service, 'cancelled', 'nobody waits any more', { cause: error }) : error;
  }
}
