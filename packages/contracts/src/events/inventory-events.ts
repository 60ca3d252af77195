import Type from 'typebox';
import { integerOf, textOf } from './columns.ts';
import { declareSource, publish } from './declare-events.ts';
import { stockTag } from './tags.ts';

const stock = Type.Object(
  {
    productId: Type.String({ minLength: 1 }),
    quantity: Type.Integer({ description: 'Pieces that are free to sell.' }),
    reserved: Type.Integer({ description: 'Pieces set aside for orders under way, not part of `quantity`.' }),
  },
  { title: 'Stock', description: 'How many of a product there are.' },
);

/** What inventory says in public. */
export const inventoryEvents = declareSource('inventory', [
  publish({
    table: 'stock',
    type: 'stock-changed',
    thing: stock,
    toThing: (row) => ({
      productId: textOf(row, 'product_id'),
      quantity: integerOf(row, 'quantity'),
      reserved: integerOf(row, 'reserved'),
    }),
    keyOf: ({ productId }) => productId,
    tags: (productId) => [stockTag(productId)],
  }),
]);
