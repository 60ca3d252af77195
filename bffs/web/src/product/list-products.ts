import { refuseInput } from '../errors/refusals.ts';
import { type ConnectionArguments, readAfter, readFirst, toConnection } from '../relay/connection.ts';
import { readGlobalId } from '../relay/global-id.ts';
import type { ServiceIds } from '../service-ids.ts';
import type { WebContext } from '../web-context.ts';

export interface ListProductsArguments extends ConnectionArguments {
  readonly category?: string | null;
  readonly search?: string | null;
  readonly sort?: ProductSort | null;
}

type ProductSort = keyof typeof orders;

const orders = {
  FEATURED: 'featured',
  PRICE_ASC: 'price_asc',
  PRICE_DESC: 'price_desc',
  NEWEST: 'newest',
  RATING: 'rating',
} as const;

const defaultFirst = 20;
const maxFirst = 100;

/** One page of the catalogue. */
export async function listProducts(args: ListProductsArguments, { loaders, ids }: WebContext) {
  const page = await loaders.productPage(toCatalogQuery(args, ids));
  return toConnection(page, args);
}

function toCatalogQuery(args: ListProductsArguments, ids: ServiceIds) {
  const { first, after, category, search, sort } = args;
  const cursor = readAfter(after);
  return {
    limit: readFirst(first, defaultFirst, maxFirst),
    sort: orders[sort ?? 'FEATURED'],
    ...(cursor === undefined ? {} : { cursor }),
    ...(typeof search === 'string' ? { q: toSearchText(search, ids) } : {}),
    ...(typeof category === 'string' ? { category: toCategorySlug(category, ids) } : {}),
  };
}

function toSearchText(search: string, ids: ServiceIds): string {
  if (search.isWellFormed() && ids.isSearchText(search)) return search;
  throw refuseInput('"search" must be of 1 to 200 characters, with a letter or a digit among them.');
}

function toCategorySlug(category: string, ids: ServiceIds): string {
  const named = readGlobalId(category);
  const slug = named?.type === 'Category' ? named.id : category;
  if (ids.isCategory(slug)) return slug;
  throw refuseInput('"category" must be the slug or the id of a category.');
}
