import type { components } from '@portico/contracts/generated/mobile.ts';
import { degradedBy } from '../part.ts';
import { type CardParts, composeProductCard, type ProductCard } from './compose-product-card.ts';

export type CardField = components['schemas']['CardField'];
type ProductPage = components['schemas']['ProductPage'];
type PickedCard = components['schemas']['PickedCard'];

/** One page of a list, whose items have the members that `fields` names; all if it names none. */
export function composeProductPage(
  cards: readonly CardParts[],
  next: string | null,
  fields: readonly CardField[] | undefined,
): ProductPage {
  const items = cards.map(composeProductCard).map((card) => pickFields(card, fields));
  return { items, next, ...degradedBy(cards.flatMap(({ stock, rating }) => [stock, rating])) };
}

function pickFields(card: ProductCard, fields: readonly CardField[] | undefined): PickedCard {
  if (fields === undefined) return card;
  const picked = Object.entries(card).filter(([name]) => name === 'id' || fields.includes(name as CardField));
  return Object.fromEntries(picked) as unknown as PickedCard;
}
