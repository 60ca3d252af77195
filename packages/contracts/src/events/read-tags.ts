import type { components as Catalog } from '../generated/catalog.ts';
import { sourceTag } from './change-event.ts';
import {
  categoriesTag,
  categoryTag,
  customerTag,
  forgottenTag,
  type ProductOrder,
  productListTag,
  productTag,
  reviewsOfTag,
  reviewTag,
  stockTag,
} from './tags.ts';

/** As the service client takes them: path parameters by name, `ids` as a list. */
export interface ReadParameters {
  readonly path?: object;
  readonly query?: object;
}

type Product = Catalog['schemas']['Product'];
type Tags = (path: Values, query: Values, answer: unknown) => readonly string[];
type Values = Readonly<Record<string, unknown>>;

const orders: Readonly<Record<string, ProductOrder>> = {
  featured: 'featured',
  price_asc: 'price',
  price_desc: 'price',
  newest: 'newest',
  rating: 'rating',
} satisfies Readonly<Record<Catalog['schemas']['ProductSort'], ProductOrder>>;

/**
 * By service and path. What was asked for by id has its tag whether it exists or not. A review's page needs no tags of its
 * reviews, as every change of one of them touches the reviews of its product.
 */
const reads: Readonly<Record<string, Tags>> = {
  'catalog /products': (_, query, answer) => {
    const { items } = answer as { readonly items: readonly Product[] };
    const asked = query.ids === undefined ? tagsOfList(query) : idsOf(query).map(productTag);
    return [...asked, ...items.flatMap(tagsOfProduct)];
  },
  'catalog /products/{id}': ({ id }, _, answer) => [
    productTag(text(id)),
    ...(answer === null ? [] : tagsOfProduct(answer as Product)),
  ],
  'catalog /categories': () => [categoriesTag],
  'inventory /stock': (_, query) => idsOf(query).map(stockTag),
  'inventory /stock/{productId}': ({ productId }) => [stockTag(text(productId))],
  'reviews /ratings': (_, query) => idsOf(query).map(reviewsOfTag),
  'reviews /product-reviews': (_, query) => idsOf(query).map(reviewsOfTag),
  'reviews /products/{id}/reviews': ({ id }) => [reviewsOfTag(text(id))],
  'reviews /reviews': (_, query) => idsOf(query).map(reviewTag),
  'customers /customers': (_, query) => idsOf(query).map(customerTag),
  'customers /customers/{id}': ({ id }) => [customerTag(text(id))],
  'customers /forgotten-customers': () => [forgottenTag],
};

/**
 * The tags of what a GET of a service answered: whatever changes this answer touches at least one of them.
 *
 * A batch may be kept item by item: the tags of an item are those of the same read with that one id in `ids`, and an answer
 * whose `items` has that item or nothing.
 * @param path as the OpenAPI document writes it
 * @param answer the body; null for a 404
 * @throws Error for a read that no tags are declared for
 */
export function readTags(
  service: string,
  path: string,
  parameters: ReadParameters,
  answer: unknown,
): string[] {
  const tags = reads[`${service} ${path}`];
  if (tags === undefined) throw new Error(`no tags are declared for the reads of ${service} at ${path}`);
  const { path: inPath = {}, query = {} } = parameters;
  return [...new Set([sourceTag(service), ...tags(inPath as Values, query as Values, answer)])];
}

/** The category's name stands in the product. */
function tagsOfProduct({ id, category }: Product): string[] {
  return [productTag(id), categoryTag(category.id)];
}

/** Also an empty list of a category is one only as long as there is that category. */
function tagsOfList({ sort = 'featured', category, q }: Values): string[] {
  const order = orders[text(sort)];
  if (order === undefined) throw new Error(`no tags are declared for the order ${sort}`);
  const touching: ProductOrder[] = q === undefined ? [order] : [order, 'search'];
  if (category === undefined) return touching.map((one) => productListTag(one));
  return [...touching.map((one) => productListTag(one, text(category))), categoryTag(text(category))];
}

function idsOf({ ids }: Values): string[] {
  if (!Array.isArray(ids)) throw new TypeError('the query needs a list of ids');
  return ids.map(text);
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`a parameter must be text, got ${typeof value}`);
}
