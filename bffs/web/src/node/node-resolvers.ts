import { readCategories } from '../category/category-resolvers.ts';
import { fromGlobalId } from '../relay/global-id.ts';
import type { WebContext } from '../web-context.ts';

/** How the types that implement Node are read by the id that their service knows. */
const readers: Readonly<Record<string, (id: string, context: WebContext) => Promise<object | null>>> = {
  Product: (id, { loaders }) => loaders.product(id),
  Review: (id, { loaders }) => loaders.review(id),
  Customer: (id, { loaders }) => loaders.customer(id),
  Order: (number, { loaders }) => loaders.order(number),
  Category: async (id, context) => {
    const categories = await readCategories(context);
    return categories.find((category) => category.id === id) ?? null;
  },
};

export const nodeResolvers = {
  Query: {
    node: async (_: unknown, args: { id: string }, context: WebContext) => {
      const { type, id } = fromGlobalId(args.id);
      const found = Object.hasOwn(readers, type) ? await readers[type]?.(id, context) : undefined;
      // The type's name is how GraphQL tells which type of the interface it is.
      return found ? { ...found, __typename: type } : null;
    },
  },
};
