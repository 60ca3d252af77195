import type { components } from '@portico/contracts/generated/mobile.ts';
import { type CardParts, composeProductCard } from '../products/compose-product-card.ts';
import type { CardPart } from './read-sync-cards.ts';
import { type SyncCursor, writeSyncCursor } from './sync-cursor.ts';

type SyncPage = components['schemas']['SyncPage'];

export interface SyncPageParts {
  /** In the order in which they are told; null for a product that is not there. */
  readonly products: readonly { readonly id: string; readonly card: CardParts | null }[];
  /** What of the sync has to be told again. */
  readonly again: SyncCursor['again'];
  readonly next: SyncCursor;
  readonly hasMore: boolean;
  /** Parts that may have changed without anybody's knowing. */
  readonly uncertain: readonly CardPart[];
}

/** A page of changes. Which parts are missing it says of the whole sync, so that the last page says whether there are any. */
export function composeSyncPage({ products, again, next, hasMore, uncertain }: SyncPageParts): SyncPage {
  const degraded = new Set([...uncertain, ...(again?.parts ?? [])]);
  return {
    changes: products.map(({ id, card }) =>
      card === null
        ? { type: 'product', id, op: 'delete' }
        : { type: 'product', id, op: 'upsert', data: composeProductCard(card) },
    ),
    next: writeSyncCursor(next),
    hasMore,
    ...(degraded.size === 0 ? {} : { degraded: [...degraded].sort() }),
  };
}
