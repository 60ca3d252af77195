import type { components } from '@portico/contracts/generated/catalog.ts';
import { toGlobalId } from '../relay/global-id.ts';
import type { WebContext } from '../web-context.ts';

type Category = components['schemas']['Category'];

export const categoryResolvers = {
  Query: {
    categories: (_: unknown, _args: unknown, context: WebContext) => readCategories(context),
  },
  Category: {
    id: ({ id }: Category) => toGlobalId('Category', id),
    slug: ({ id }: Category) => id,
  },
};

export async function readCategories({ loaders }: WebContext): Promise<readonly Category[]> {
  const { items } = await loaders.categories();
  return items;
}
