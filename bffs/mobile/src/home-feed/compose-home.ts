import type { components } from '@portico/contracts/generated/mobile.ts';
import { degradedBy } from '../part.ts';
import {
  type CardParts,
  composeProductCard,
  type Product,
  toCategory,
} from '../products/compose-product-card.ts';

export interface HomeParts {
  readonly featured: readonly CardParts[];
  readonly newest: readonly CardParts[];
  readonly categories: readonly Product['category'][];
}

/** The home screen. */
export function composeHome({ featured, newest, categories }: HomeParts): components['schemas']['Home'] {
  const cards = [...featured, ...newest];
  return {
    featured: featured.map(composeProductCard),
    newest: newest.map(composeProductCard),
    categories: categories.map(toCategory),
    ...degradedBy(cards.flatMap(({ stock, rating }) => [stock, rating])),
  };
}
