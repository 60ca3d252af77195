import Type from 'typebox';
import { textOf } from './columns.ts';
import { declareSource, publish } from './declare-events.ts';
import { customerTag } from './tags.ts';

const customer = Type.Object(
  {
    id: Type.String({ minLength: 1 }),
    displayName: Type.String({ description: 'The name that others see.' }),
  },
  { title: 'Customer', description: 'Somebody who buys in the shop.' },
);

/** What customers says in public. */
export const customersEvents = declareSource('customers', [
  publish({
    table: 'customers',
    type: 'customer-changed',
    thing: customer,
    toThing: (row) => ({ id: textOf(row, 'id'), displayName: textOf(row, 'display_name') }),
    keyOf: ({ id }) => id,
    tags: (id) => [customerTag(id)],
  }),
]);
