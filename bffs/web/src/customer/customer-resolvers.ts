import type { components } from '@portico/contracts/generated/customers.ts';
import { toGlobalId } from '../relay/global-id.ts';

type Customer = components['schemas']['Customer'];

export const customerResolvers = {
  Query: {
    // Nobody can sign in yet, so everybody is a visitor.
    me: () => null,
  },
  Customer: {
    id: ({ id }: Customer) => toGlobalId('Customer', id),
  },
};
