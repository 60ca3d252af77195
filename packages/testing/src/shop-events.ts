import type { PublicEvent } from '@portico/contracts/events/change-event.ts';
import type { ShopData } from './shop-data.ts';

type Product = ShopData['products'][number];
type Stock = ShopData['stock'][number];
type Review = ShopData['reviews'][number];

/** What the catalog says of a change that its stand-in shows. */
export function productChanged(before: Product | undefined, after: Product | undefined): PublicEvent {
  const key = String((after ?? before)?.id);
  return { type: 'product-changed', key, data: { before: toThing(before), after: toThing(after) } };
}

function toThing(product: Product | undefined) {
  if (product === undefined) return null;
  const { category, imageUrl, ...rest } = product;
  return { ...rest, categoryId: category.id, featuredRank: 1, rating: { average: 0, count: 0 } };
}

export function stockChanged(before: Stock, after: Stock): PublicEvent {
  return { type: 'stock-changed', key: after.productId, data: { before, after } };
}

export function reviewChanged(before: Review | null, after: Review): PublicEvent {
  return { type: 'review-changed', key: after.id, data: { before, after } };
}
