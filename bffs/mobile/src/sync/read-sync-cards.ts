import type { ChangeNode } from '@portico/change-stream/node/change-node.ts';
import type { CardParts, Product } from '../products/compose-product-card.ts';
import { readCards } from '../products/read-cards.ts';
import type { ShopReads } from '../shop-reads.ts';

export interface SyncCards {
  /** In the order of the products. */
  readonly cards: readonly CardParts[];
  /** Parts that are missing in some of them: these products have to be told again. */
  readonly failed: readonly CardPart[];
  /** Parts that may have changed without anybody's knowing. */
  readonly uncertain: readonly CardPart[];
}

const partNames = ['inventory', 'reviews'] as const;
export type CardPart = (typeof partNames)[number];

/**
 * The cards of products that a phone keeps. A part whose changes nobody tells is not in them: the phone would keep it for ever. It is
 * no reason to tell the products again.
 */
export async function readSyncCards(
  { node, reads }: { readonly node: ChangeNode; readonly reads: ShopReads },
  products: readonly Product[],
): Promise<SyncCards> {
  const told = partNames.filter((name) => node.follows(name));
  const found = await readCards(reads, products, told.map(toField));
  const cards = found.map((card) => ({
    product: card.product,
    stock: told.includes('inventory') ? card.stock : ({ ok: false, from: 'inventory' } as const),
    rating: told.includes('reviews') ? card.rating : ({ ok: false, from: 'reviews' } as const),
  }));
  const failed = found.flatMap(({ stock, rating }) =>
    [stock, rating].flatMap((part) => (part.ok ? [] : part.from)),
  );
  return {
    cards,
    failed: partNames.filter((name) => failed.includes(name)),
    uncertain: partNames.filter((name) => !(told.includes(name) && node.isTrusted(name))),
  };
}

const toField = (name: CardPart) => (name === 'inventory' ? 'inStock' : 'rating');
