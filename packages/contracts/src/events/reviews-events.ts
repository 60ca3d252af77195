import Type from 'typebox';
import { integerOf, textOf, timeOf } from './columns.ts';
import { declareSource, publish } from './declare-events.ts';
import { reviewsOfTag, reviewTag } from './tags.ts';

const review = Type.Object(
  {
    id: Type.String({ minLength: 1 }),
    productId: Type.String(),
    customerId: Type.String(),
    stars: Type.Integer({ description: 'From 1 to 5.' }),
    body: Type.String(),
    createdAt: Type.String({ format: 'date-time' }),
  },
  { title: 'Review', description: 'What a customer says about a product.' },
);

/** What reviews says in public. */
export const reviewsEvents = declareSource('reviews', [
  publish({
    table: 'reviews',
    type: 'review-changed',
    thing: review,
    personal: { of: 'customerId', members: ['body'] },
    toThing: (row) => ({
      id: textOf(row, 'id'),
      productId: textOf(row, 'product_id'),
      customerId: textOf(row, 'customer_id'),
      stars: integerOf(row, 'stars'),
      body: textOf(row, 'body'),
      createdAt: timeOf(row, 'created_at'),
    }),
    keyOf: ({ id }) => id,
    tags: (id, before, after) => {
      const products = new Set([before, after].flatMap((one) => one?.productId ?? []));
      return [reviewTag(id), ...[...products].map(reviewsOfTag)];
    },
  }),
]);
