import { refuseUnknown, requireUser } from '../errors/refusals.ts';
import type { WebContext } from '../web-context.ts';

interface SetPrice {
  readonly sku: string;
  readonly amount: number;
}
interface SetStock {
  readonly sku: string;
  readonly quantity: number;
}

/** What operators do with products. A payload is its sku: what else is asked of it is read when the command is done. */
export const productCommands = {
  Mutation: {
    setPrice: async (_: unknown, { sku, amount }: SetPrice, context: WebContext) => {
      const id = commandable(sku, context);
      const { catalog } = context.services;
      await catalog.command(
        'put',
        '/products/{id}/price',
        { path: { id }, body: { amount } },
        context.requestContext,
      );
      context.readAnew();
      return { sku };
    },
    setStock: async (_: unknown, { sku, quantity }: SetStock, context: WebContext) => {
      const productId = commandable(sku, context);
      const parameters = { path: { productId }, body: { quantity } };
      await context.services.inventory.command(
        'put',
        '/stock/{productId}',
        parameters,
        context.requestContext,
      );
      context.readAnew();
      return { sku };
    },
  },
  SetPricePayload: { product: readProduct },
  SetStockPayload: { product: readProduct },
};

function readProduct({ sku }: { readonly sku: string }, _: unknown, { loaders }: WebContext) {
  return loaders.product(sku);
}

/** @throws GraphQLError when nobody is signed in, or no product can have this sku. */
function commandable(sku: string, { requestContext, ids }: WebContext): string {
  requireUser(requestContext);
  if (!ids.isProduct(sku)) throw refuseUnknown('product', sku);
  return sku;
}
