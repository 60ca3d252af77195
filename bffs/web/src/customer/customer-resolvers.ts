import type { components } from '@portico/contracts/generated/customers.ts';
import { requireKnown } from '../errors/refusals.ts';
import { ordersOf } from '../order/orders-of.ts';
import type { ConnectionArguments } from '../relay/connection.ts';
import { toGlobalId } from '../relay/global-id.ts';
import type { WebContext } from '../web-context.ts';

type Customer = components['schemas']['Customer'];

export const customerResolvers = {
  Query: {
    /** Visitors and operators are no customers. */
    me: (_: unknown, _args: unknown, { requestContext, loaders }: WebContext) => {
      requireKnown(requestContext);
      const { identity } = requestContext;
      return identity === undefined ? null : loaders.customer(identity.subject);
    },
  },
  Customer: {
    id: ({ id }: Customer) => toGlobalId('Customer', id),
    orders: ({ id }: Customer, args: ConnectionArguments, context: WebContext) => ordersOf(id, args, context),
  },
};
