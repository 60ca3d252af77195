import { readFileSync } from 'node:fs';
import type { GraphQLSchema } from 'graphql';
import { createSchema } from 'graphql-yoga';
import { categoryResolvers } from './category/category-resolvers.ts';
import { customerResolvers } from './customer/customer-resolvers.ts';
import { nodeResolvers } from './node/node-resolvers.ts';
import { orderCommands } from './order/order-commands.ts';
import { orderResolvers } from './order/order-resolvers.ts';
import { orderSubscriptions } from './order/order-subscriptions.ts';
import { productCommands } from './product/product-commands.ts';
import { productResolvers } from './product/product-resolvers.ts';
import { productSubscriptions } from './product/product-subscriptions.ts';
import { reviewCommands } from './review/add-review.ts';
import { reviewResolvers } from './review/review-resolvers.ts';
import type { WebContext } from './web-context.ts';

/** `schema.graphql` with its resolvers. */
export function createWebSchema(): GraphQLSchema {
  return createSchema<WebContext>({
    typeDefs: readFileSync(new URL('schema.graphql', import.meta.url), 'utf8'),
    resolvers: [
      nodeResolvers,
      productResolvers,
      productCommands,
      productSubscriptions,
      categoryResolvers,
      reviewResolvers,
      reviewCommands,
      customerResolvers,
      orderResolvers,
      orderCommands,
      orderSubscriptions,
    ],
    resolverValidationOptions: { requireResolversToMatchSchema: 'error' },
  });
}
