import type { components as Catalog } from '@portico/contracts/generated/catalog.ts';
import type { components as Inventory } from '@portico/contracts/generated/inventory.ts';
import type { components as Mobile } from '@portico/contracts/generated/mobile.ts';
import type { components as Reviews } from '@portico/contracts/generated/reviews.ts';
import type { Part } from '../part.ts';

export type Product = Catalog['schemas']['Product'];
export type ProductCard = Mobile['schemas']['ProductCard'];

/** What a card is made of; null for what the service knows nothing of. */
export interface CardParts {
  readonly product: Product;
  readonly stock: Part<Inventory['schemas']['Stock'] | null>;
  readonly rating: Part<Reviews['schemas']['Rating'] | null>;
}

/** A product as lists show it. */
export function composeProductCard({ product, stock, rating }: CardParts): ProductCard {
  return {
    id: product.id,
    name: product.name,
    price: toMoney(product.price),
    imageUrl: product.imageUrl,
    inStock: composeAvailability(stock)?.inStock ?? null,
    rating: composeRating(rating),
  };
}

/** What can be bought; nothing of a product that the warehouse doesn't have. Null if inventory failed. */
export function composeAvailability(stock: CardParts['stock']): Mobile['schemas']['Availability'] | null {
  if (!stock.ok) return null;
  return toAvailability(stock.value ?? { quantity: 0 });
}

export function toAvailability({
  quantity,
}: Pick<Inventory['schemas']['Stock'], 'quantity'>): Mobile['schemas']['Availability'] {
  return { inStock: quantity > 0, quantity };
}

/** What the reviews come to, which may be no reviews. Null if reviews failed. */
export function composeRating(rating: CardParts['rating']): Mobile['schemas']['Rating'] | null {
  if (!rating.ok) return null;
  return { average: rating.value?.average ?? 0, count: rating.value?.count ?? 0 };
}

/** Members are named one by one here and everywhere: what a service adds to its answers doesn't reach phones unseen. */
export function toMoney({ amount, currency }: Product['price']): Mobile['schemas']['Money'] {
  return { amount, currency };
}

export function toCategory({ id, name }: Product['category']): Mobile['schemas']['Category'] {
  return { id, name };
}
