import { createRandom, type Random } from '@portico/runtime/seeded-random.ts';
import type { Insertable } from 'kysely';
import type { ReviewsTables } from './database.ts';
import { closers, complaints, openers, praise, reservations } from './phrases.ts';

type NewReview = Required<Insertable<ReviewsTables['reviews']>>;
type Stars = 1 | 2 | 3 | 4 | 5;

const reviewsPerProduct = 5;
const customerCount = 200;

/** Every review was written in the year before this; nothing that is seeded depends on today. */
const latestReview = Date.UTC(2025, 11, 1);
const yearMs = 365 * 86_400_000;

/**
 * The reviews `r1`, `r2`, … of a shop with that many products, oldest first: five a product on average, but some
 * products have many and some none.
 */
export function* composeReviews(productCount: number): Generator<NewReview> {
  const count = productCount * reviewsPerProduct;
  const written = new Map<number, number>();
  for (let number = 1; number <= count; number++) {
    const random = createRandom(number);
    const product = pickProduct(productCount, random);
    const earlier = written.get(product) ?? 0;
    written.set(product, earlier + 1);
    const stars = pickStars(product, random);
    yield {
      id: `r${number}`,
      product_id: `p${product}`,
      customer_id: `c${customerOf(product, earlier)}`,
      stars,
      body: composeBody(stars, random),
      created_at: new Date(latestReview - yearMs + Math.floor(((number - random()) / count) * yearMs)),
    };
  }
}

/** Few products are talked about much, most a little: the density falls with the root of the place, and p1 leads. */
function pickProduct(productCount: number, random: Random): number {
  const place = Math.floor(productCount * random() ** 2);
  // A prime above the number of products scatters the places over the ids without two meeting.
  return 1 + ((place * 1_000_003) % productCount);
}

/** A product's reviews come from different customers, until all have written one. */
function customerOf(product: number, earlier: number): number {
  return 1 + ((product * 31 + earlier * 77) % customerCount);
}

/** Around a mean of 2.6 to 4.9 that belongs to the product, and mostly near the upper end. */
function pickStars(product: number, random: Random): Stars {
  const mean = 4.9 - 2.3 * createRandom(-product)() ** 2;
  const noise = (random() + random() + random() - 1.5) * 1.6;
  return Math.min(5, Math.max(1, Math.round(mean + noise))) as Stars;
}

/** What the middle of a review likely says, and what it possibly says besides. */
const details = {
  5: [praise, praise],
  4: [praise, reservations],
  3: [reservations, praise],
  2: [complaints, reservations],
  1: [complaints, complaints],
} as const;

/** One to four sentences that fit the stars. */
function composeBody(stars: Stars, random: Random): string {
  const [likely, possible] = details[stars];
  const sentences = [pick(openers[stars], random)];
  if (random() < 0.7) sentences.push(pick(likely, random));
  if (random() < 0.35) sentences.push(pick(possible, random));
  if (random() < 0.4) sentences.push(pick(closers[stars], random));
  return [...new Set(sentences)].join(' ');
}

function pick(sentences: readonly [string, ...string[]], random: Random): string {
  return sentences[Math.floor(random() * sentences.length)] ?? sentences[0];
}
