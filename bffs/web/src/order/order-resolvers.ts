import type { Order } from '@portico/coherent-cache/orders/order-service.ts';
import { requireUser } from '../errors/refusals.ts';
import { toGlobalId } from '../relay/global-id.ts';
import type { WebContext } from '../web-context.ts';

export const orderResolvers = {
  Query: {
    order: (_: unknown, { number }: { readonly number: string }, context: WebContext) => {
      requireUser(context.requestContext);
      return context.loaders.order(number);
    },
  },
  Order: {
    id: ({ number }: Order) => toGlobalId('Order', number),
  },
  OrderLine: {
    product: ({ productId }: Order['lines'][number], _: unknown, { loaders }: WebContext) =>
      loaders.product(productId),
  },
};
