import type { components as Mobile } from '@portico/contracts/generated/mobile.ts';
import type { components as Reviews } from '@portico/contracts/generated/reviews.ts';
import { degradedBy, type Part } from '../part.ts';
import {
  type CardParts,
  composeAvailability,
  composeRating,
  toCategory,
  toMoney,
} from './compose-product-card.ts';

export type ServiceReview = Reviews['schemas']['Review'];

/** A review with the name of whoever wrote it; null for a customer who is gone. */
export interface ReviewParts {
  readonly review: ServiceReview;
  readonly displayName: Part<string | null>;
}

/** What the page of a product is made of. */
export interface ProductScreenParts extends CardParts {
  readonly reviews: Part<readonly ReviewParts[]>;
}

/** The page of a product. */
export function composeProductScreen(parts: ProductScreenParts): Mobile['schemas']['ProductScreen'] {
  const { product, stock, rating, reviews } = parts;
  const names = reviews.ok ? reviews.value.map(({ displayName }) => displayName) : [];
  return {
    id: product.id,
    name: product.name,
    description: product.description,
    category: toCategory(product.category),
    price: toMoney(product.price),
    imageUrl: product.imageUrl,
    availability: composeAvailability(stock),
    rating: composeRating(rating),
    reviews: reviews.ok ? reviews.value.map(composeReview) : null,
    ...degradedBy([stock, rating, reviews, ...names]),
  };
}

/** A review; without an author where it can't be said who that is. */
export function composeReview({ review, displayName }: ReviewParts): Mobile['schemas']['Review'] {
  const { id, stars, body, createdAt } = review;
  const author = displayName.ok && displayName.value !== null ? { displayName: displayName.value } : null;
  return { id, stars, body, createdAt, author };
}
