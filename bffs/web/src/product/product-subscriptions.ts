import type { components as Catalog } from '@portico/contracts/generated/catalog.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import { refuseRequest, refuseUnknown } from '../errors/refusals.ts';
import type { WebContext } from '../web-context.ts';

export const productSubscriptions = {
  Subscription: {
    productUpdated: {
      /** Only says of what kind it is: each state is read as `resolve` says. */
      subscribe: (_: unknown, __: unknown, { subscriber }: WebContext) => {
        if (subscriber === undefined) throw refuseRequest('Subscribe with "Accept: text/event-stream".');
        if (!subscriber.canFollow)
          throw new ServiceError('catalog', 'failed', 'the changes of products are not known');
        subscriber.isOfState = true;
        return noEvents();
      },
      resolve: async (
        _: unknown,
        { sku }: { readonly sku: string },
        { loaders }: WebContext,
      ): Promise<Catalog['schemas']['Product']> => {
        const product = await loaders.product(sku);
        if (product === null) throw refuseUnknown('product', sku);
        return product;
      },
    },
  },
};

async function* noEvents(): AsyncGenerator<never> {}
