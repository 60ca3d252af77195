import Type, { type Static } from 'typebox';
import { integerOf, textOf, timeOf } from './columns.ts';
import { declareSource, publish } from './declare-events.ts';
import { categoriesTag, categoryTag, type ProductOrder, productListTag, productTag } from './tags.ts';

const product = Type.Object(
  {
    id: Type.String({ minLength: 1 }),
    name: Type.String(),
    description: Type.String(),
    categoryId: Type.String(),
    price: Type.Object({
      amount: Type.Integer({ description: 'In minor units (cents).' }),
      currency: Type.String({ description: 'ISO 4217.' }),
    }),
    featuredRank: Type.Integer({
      description: 'Place in the list as the shop arranged it, lowest first; products may share one.',
    }),
    createdAt: Type.String({ format: 'date-time' }),
    rating: Type.Object(
      {
        average: Type.Number({ description: 'From 1 to 5, with two decimals; 0 without reviews.' }),
        count: Type.Integer(),
      },
      { description: 'What the catalog has folded from the events of reviews, to sort by.' },
    ),
  },
  { title: 'Product', description: 'Something that the shop sells.' },
);
type Product = Static<typeof product>;

const category = Type.Object(
  {
    id: Type.String({ minLength: 1 }),
    name: Type.String(),
    position: Type.Integer({ description: 'Place among the categories.' }),
  },
  { title: 'Category', description: 'A shelf of the shop. Every product stands on exactly one.' },
);

/** What decides a product's place in each order. */
const placeIn: Readonly<Record<ProductOrder, (product: Product) => unknown>> = {
  featured: ({ featuredRank }) => featuredRank,
  price: ({ price }) => price.amount,
  newest: ({ createdAt }) => createdAt,
  rating: ({ rating }) => `${rating.average} ${rating.count}`,
  search: ({ name, description }) => JSON.stringify([name, description]),
};

/** Everything but the rating, which no answer shows: reviews alone have it to show. */
function isShownAnother(before: Product | null, after: Product | null): boolean {
  const [was, is] = [before, after].map((one) => JSON.stringify(one && { ...one, rating: undefined }));
  return was !== is;
}

/** The lists that a product came into, left, or changed its place in. */
function listsTouched(before: Product | null, after: Product | null): string[] {
  const categories = new Set([before, after].flatMap((one) => one?.categoryId ?? []));
  return (Object.keys(placeIn) as ProductOrder[]).flatMap((order) => {
    const stays = before !== null && after !== null && placeIn[order](before) === placeIn[order](after);
    if (stays && categories.size === 1) return [];
    const ofCategories = [...categories].map((id) => productListTag(order, id));
    return stays ? ofCategories : [productListTag(order), ...ofCategories];
  });
}

/** What the catalog says in public. */
export const catalogEvents = declareSource('catalog', [
  publish({
    table: 'products',
    type: 'product-changed',
    thing: product,
    toThing: (row) => ({
      id: textOf(row, 'id'),
      name: textOf(row, 'name'),
      description: textOf(row, 'description'),
      categoryId: textOf(row, 'category_id'),
      price: { amount: integerOf(row, 'price_amount'), currency: textOf(row, 'price_currency') },
      featuredRank: integerOf(row, 'featured_rank'),
      createdAt: timeOf(row, 'created_at'),
      rating: { average: integerOf(row, 'rating_average') / 100, count: integerOf(row, 'rating_count') },
    }),
    keyOf: ({ id }) => id,
    tags: (id, before, after) => [
      ...(isShownAnother(before, after) ? [productTag(id)] : []),
      ...listsTouched(before, after),
    ],
  }),
  publish({
    table: 'categories',
    type: 'category-changed',
    thing: category,
    toThing: (row) => ({
      id: textOf(row, 'id'),
      name: textOf(row, 'name'),
      position: integerOf(row, 'position'),
    }),
    keyOf: ({ id }) => id,
    // Of a category, products show the name alone.
    tags: (id, before, after) =>
      before?.name === after?.name ? [categoriesTag] : [categoriesTag, categoryTag(id)],
  }),
]);
