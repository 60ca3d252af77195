import type { components as Catalog } from '@portico/contracts/generated/catalog.ts';
import type { components as Inventory } from '@portico/contracts/generated/inventory.ts';
import type { ConnectionArguments } from '../relay/connection.ts';
import { toGlobalId } from '../relay/global-id.ts';
import { reviewsOf } from '../review/reviews-of.ts';
import type { WebContext } from '../web-context.ts';
import { type ListProductsArguments, listProducts } from './list-products.ts';

type Product = Catalog['schemas']['Product'];
type Stock = Inventory['schemas']['Stock'];

export const productResolvers = {
  Query: {
    product: (_: unknown, { sku }: { sku: string }, { loaders }: WebContext) => loaders.product(sku),
    products: (_: unknown, args: ListProductsArguments, context: WebContext) => listProducts(args, context),
  },
  Product: {
    id: ({ id }: Product) => toGlobalId('Product', id),
    sku: ({ id }: Product) => id,
    availability: ({ id }: Product, _: unknown, { loaders }: WebContext) => loaders.stock(id),
    rating: ({ id }: Product, _: unknown, { loaders }: WebContext) => loaders.rating(id),
    reviews: ({ id }: Product, args: ConnectionArguments, context: WebContext) =>
      reviewsOf(id, args, context),
  },
  Availability: {
    inStock: ({ quantity }: Stock) => quantity > 0,
  },
};
