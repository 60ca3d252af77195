import type { ShopReads } from '../shop-reads.ts';
import type { CardParts, Product } from './compose-product-card.ts';
import type { CardField } from './compose-product-page.ts';

const notRead = { ok: true, value: null } as const;

/** What the cards of these products are made of. What only members need that `fields` leaves out is not read. */
export function readCards(
  reads: ShopReads,
  products: readonly Product[],
  fields?: readonly CardField[],
): Promise<CardParts[]> {
  const isShown = (field: CardField) => fields === undefined || fields.includes(field);
  return Promise.all(
    products.map(async (product) => {
      const [stock, rating] = await Promise.all([
        isShown('inStock') ? reads.stock(product.id) : notRead,
        isShown('rating') ? reads.rating(product.id) : notRead,
      ]);
      return { product, stock, rating };
    }),
  );
}
