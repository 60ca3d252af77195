import type { operations as CatalogOperations } from '@portico/contracts/generated/catalog.ts';
import type { operations as CustomersOperations } from '@portico/contracts/generated/customers.ts';
import type { operations as InventoryOperations } from '@portico/contracts/generated/inventory.ts';
import type { operations as ReviewsOperations } from '@portico/contracts/generated/reviews.ts';
import { decodeCursor, encodeCursor } from '@portico/runtime/keyset.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { ShopData } from './shop-data.ts';

/** The reads of the four services, answered from memory. Commands are refused. */

type ProductPlace = Pick<ShopData['products'][number], 'id' | 'price' | 'createdAt'>;

export function catalogHandlers(data: ShopData): OperationHandlers<CatalogOperations> {
  const { products, categories, reviews } = data;
  const stars = new Map(products.map(({ id }) => [id, ratingOf(reviews, id).average]));
  const orders = {
    featured: () => 0,
    price_asc: (a, b) => a.price.amount - b.price.amount,
    price_desc: (a, b) => b.price.amount - a.price.amount,
    newest: (a, b) => b.createdAt.localeCompare(a.createdAt),
    rating: (a, b) => Number(stars.get(b.id)) - Number(stars.get(a.id)),
  } satisfies Record<string, (a: ProductPlace, b: ProductPlace) => number>;
  return {
    listProducts: ({ query }) => {
      const { ids, category, q, sort = 'featured', limit = 20, cursor } = query;
      if (ids !== undefined) return { body: { items: pick(products, 'id', ids), cursors: [], next: null } };
      if (sort === 'rating' && !data.ratingsAreKnown)
        throw new Problem('not-supported', 'The ratings of the products are not known yet.');
      if (category !== undefined && !categories.some(({ id }) => id === category)) {
        throw new Problem('invalid-request', `There is no category "${category}".`);
      }
      const list = products.filter(
        (product) =>
          (category === undefined || product.category.id === category) &&
          (q === undefined || product.name.toLowerCase().split(' ').includes(q.toLowerCase())),
      );
      const order = (a: ProductPlace, b: ProductPlace) =>
        orders[sort](a, b) || Number(a.id.slice(1)) - Number(b.id.slice(1));
      return { body: productPage(list, order, `${sort} ${category} ${q}`, limit, cursor) };
    },
    getProduct: ({ path }) => ({ body: one(products, 'id', path.id) }),
    listCategories: () => ({ body: { items: categories } }),
    setPrice: refuse,
  };
}

export function inventoryHandlers({ stock }: ShopData): OperationHandlers<InventoryOperations> {
  return {
    listStock: ({ query }) => ({ body: { items: pick(stock, 'productId', query.ids) } }),
    getStock: ({ path }) => ({ body: one(stock, 'productId', path.productId) }),
    setStock: refuse,
    reserve: refuse,
    commitReservation: refuse,
    releaseReservation: refuse,
  };
}

export function reviewsHandlers({ reviews }: ShopData): OperationHandlers<ReviewsOperations> {
  const of = (productId: string) => reviews.filter((review) => review.productId === productId);
  return {
    listRatings: ({ query }) => ({
      body: {
        items: query.ids.map((productId) => ratingOf(reviews, productId)),
      },
    }),
    listProductReviews: ({ query }) => ({
      body: {
        items: query.ids.map((productId) => {
          const { items, cursors, next } = page(of(productId), productId, query.first ?? 2, undefined);
          return { productId, reviews: items, cursors, next };
        }),
      },
    }),
    listReviewsOfProduct: ({ path, query }) => ({
      body: page(of(path.id), path.id, query.limit ?? 20, query.cursor),
    }),
    listReviews: ({ query }) => ({ body: { items: pick(reviews, 'id', query.ids) } }),
    addReview: refuse,
  };
}

export function customersHandlers({ customers }: ShopData): OperationHandlers<CustomersOperations> {
  return {
    listCustomers: ({ query }) => ({ body: { items: pick(customers, 'id', query.ids) } }),
    getCustomer: ({ path }) => ({ body: one(customers, 'id', path.id) }),
    renameCustomer: refuse,
    forgetCustomer: refuse,
    listForgotten: () => ({ body: { items: [], next: null } }),
  };
}

function refuse(): never {
  throw new Problem('not-supported', 'The shop of the tests takes no commands.');
}

function ratingOf(reviews: ShopData['reviews'], productId: string) {
  const stars = reviews.filter((review) => review.productId === productId).map((review) => review.stars);
  const sum = stars.reduce((total, star) => total + star, 0);
  const average = stars.length === 0 ? 0 : Math.round((sum / stars.length) * 100) / 100;
  return { productId, average, count: stars.length };
}

/** Those of the named items that exist, in the order asked for. */
function pick<Item, Key extends keyof Item>(
  items: readonly Item[],
  key: Key,
  ids: readonly string[],
): Item[] {
  return ids.flatMap((id) => items.find((item) => item[key] === id) ?? []);
}

function one<Item, Key extends keyof Item>(items: readonly Item[], key: Key, id: string): Item {
  const [item] = pick(items, key, [id]);
  if (item === undefined) throw new Problem('not-found', `Nothing has the id "${id}".`);
  return item;
}

/** Goes on after the product of the cursor, wherever that is now. */
function productPage(
  products: ShopData['products'],
  order: (a: ProductPlace, b: ProductPlace) => number,
  list: string,
  limit: number,
  cursor: string | undefined,
) {
  const [text] = cursor === undefined ? [] : decodeCursor(cursor, list, ['string']);
  const last: ProductPlace | undefined = text === undefined ? undefined : JSON.parse(text);
  const rest = products.toSorted(order).filter((product) => last === undefined || order(product, last) > 0);
  const items = rest.slice(0, limit);
  const cursors = items.map(({ id, price, createdAt }) =>
    encodeCursor(list, [JSON.stringify({ id, price, createdAt })]),
  );
  return { items, cursors, next: rest.length > limit ? (cursors.at(-1) ?? null) : null };
}

function page<Item>(items: readonly Item[], list: string, limit: number, cursor: string | undefined) {
  const [start] = cursor === undefined ? [0] : decodeCursor(cursor, list, ['number']);
  const found = items.slice(start, start + limit);
  const cursors = found.map((_, index) => encodeCursor(list, [start + index + 1]));
  return { items: found, cursors, next: start + limit < items.length ? (cursors.at(-1) ?? null) : null };
}
