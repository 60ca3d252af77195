import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { operations } from '@portico/contracts/generated/mobile.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import type { ShowScreen } from '../screen-answer.ts';
import { openReads, type ProductListQuery } from '../shop-reads.ts';
import { composeProductPage } from './compose-product-page.ts';
import { readCards } from './read-cards.ts';

type ListQuery = NonNullable<operations['listProducts']['parameters']['query']>;

/** One page of the catalogue as cards: one call for the products, and one for each part of theirs that is shown. */
export function listProducts(clients: ShopServices): ShowScreen<'listProducts'> {
  return async ({ query, context }) => {
    const list = toCatalogQuery(query);
    const reads = openReads(clients, context);
    const { items, next } = await reads.productPage(list).catch((error: unknown) => {
      throw explainRefusal(error, list);
    });
    const cards = await readCards(reads, items, query.fields);
    return composeProductPage(cards, next, query.fields);
  };
}

function toCatalogQuery({ q, sort = 'featured', limit = 20, category, cursor }: ListQuery): ProductListQuery {
  return {
    sort,
    limit,
    ...(q === undefined ? {} : { q }),
    ...(category === undefined ? {} : { category }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

/**
 * The catalog alone knows its categories and cursors, and whether it knows the ratings. What it doesn't like can only be one of these, and is said in
 * words of ours; everything else that it refuses is a mistake between us and it.
 */
function explainRefusal(error: unknown, { category, cursor }: ProductListQuery): unknown {
  if (!(error instanceof ServiceError) || error.kind !== 'refused') return error;
  if (error.status === 501) return new Problem('not-supported', 'Products can not be sorted by rating now.');
  if (error.status !== 400) return error;
  const doubts = [
    ...(category === undefined ? [] : [`there is no category "${category}"`]),
    ...(cursor === undefined ? [] : ['the cursor is not one that this list has given']),
  ];
  return doubts.length === 0 ? error : new Problem('invalid-request', toSentence(doubts.join(', or ')));
}

function toSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
