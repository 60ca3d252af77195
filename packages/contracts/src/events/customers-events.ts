import Type from 'typebox';
import { textOf, timeOf } from './columns.ts';
import { declareSource, publish } from './declare-events.ts';
import { customerTag, forgottenTag } from './tags.ts';

const customer = Type.Object(
  {
    id: Type.String({ minLength: 1 }),
    displayName: Type.String({ description: 'The name that others see.' }),
    forgottenAt: Type.Optional(
      Type.String({
        format: 'date-time',
        description: 'When the customer was forgotten; missing in all others.',
      }),
    ),
  },
  { title: 'Customer', description: 'Somebody who buys in the shop.' },
);

/** What customers says in public. */
export const customersEvents = declareSource('customers', [
  publish({
    table: 'customers',
    type: 'customer-changed',
    thing: customer,
    personal: { of: 'id', members: ['displayName'] },
    persons: {
      columns: { id: 'id', forgottenAt: 'forgotten_at' },
      isForgotten: ({ forgottenAt }) => forgottenAt !== undefined,
    },
    toThing: (row) => ({
      id: textOf(row, 'id'),
      displayName: textOf(row, 'display_name'),
      // In the log may be rows of before there was this column.
      ...((row.forgotten_at ?? null) !== null && { forgottenAt: timeOf(row, 'forgotten_at') }),
    }),
    keyOf: ({ id }) => id,
    tags: (id, before, after) => [
      customerTag(id),
      ...(before?.forgottenAt === after?.forgottenAt ? [] : [forgottenTag]),
    ],
  }),
]);
