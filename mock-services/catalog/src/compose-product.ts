import { createRandom, type Random } from '@portico/runtime/seeded-random.ts';
import type { Insertable } from 'kysely';
import type { CatalogTables } from './database.ts';
import type { Finish, Shelf, Thing } from './shelves/shelf.ts';
import { shelves } from './shelves/shelves.ts';

export type NewProduct = Required<Insertable<CatalogTables['products']>>;

/** Every product was created in the two years before this; nothing that is seeded depends on today. */
const latestCreation = Date.UTC(2024, 11, 1);
const twoYearsMs = 730 * 86_400_000;

/** The product with the id `p<number>`. It is the same whatever else is in the shop. */
export function composeProduct(number: number): NewProduct {
  const shelf = pick(shelves, number - 1);
  const random = createRandom(number);
  const variant = nthVariant(shelf, Math.floor((number - 1) / shelves.length));
  const { series, thing, finish, edition } = variant;
  const size = thing.sizes === undefined ? undefined : pick(thing.sizes, Math.floor(random() * 100));
  const traits = [finish?.name, size, edition > 1 ? `edition ${edition}` : undefined];
  const closer = random() < 0.6 ? pick(shelf.closers, Math.floor(random() * 100)) : undefined;
  return {
    id: `p${number}`,
    name: [`${series}${shelf.joint ?? ' '}${thing.name}`, ...traits].filter(isGiven).join(', '),
    description: [thing.sentence, finish?.sentence, closer].filter(isGiven).join(' '),
    category_id: shelf.id,
    price_amount: plausiblePrice(thing, random),
    price_currency: 'EUR',
    featured_rank: Math.floor(random() * 1_000_000_000),
    created_at: new Date(latestCreation - Math.floor(random() * twoYearsMs)),
  };
}

interface Variant {
  readonly series: string;
  readonly thing: Thing;
  readonly finish: Finish | undefined;
  /** Above 1 when the shelf has more products than it has combinations of words. */
  readonly edition: number;
}

/** Goes through all combinations of a shelf's words before one comes again. */
function nthVariant({ series, things }: Shelf, n: number): Variant {
  const made = things.flatMap((thing) =>
    (thing.finishes ?? [undefined]).map((finish) => ({ thing, finish })),
  );
  const combinations = made.length * series.length;
  // A prime step visits every combination, and neighbours on the shelf have little in common.
  const index = (n * 173) % combinations;
  return {
    series: pick(series, index),
    ...pick(made, Math.floor(index / series.length)),
    edition: 1 + Math.floor(n / combinations),
  };
}

/** In minor units, and ending as prices in shops do: .90, .95 or .00. */
function plausiblePrice({ euros: [from, to] }: Thing, random: Random): number {
  const whole = Math.round(from + random() * (to - from));
  return whole * 100 - pick([10, 10, 5, 0], Math.floor(random() * 4));
}

/** The entry at `index`, counted round and round. */
function pick<T>(choices: readonly T[], index: number): T {
  return choices[index % choices.length] as T;
}

function isGiven(text: string | undefined): text is string {
  return text !== undefined;
}
