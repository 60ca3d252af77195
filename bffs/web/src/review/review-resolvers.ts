import type { components } from '@portico/contracts/generated/reviews.ts';
import { toGlobalId } from '../relay/global-id.ts';
import type { WebContext } from '../web-context.ts';

type Review = components['schemas']['Review'];

export const reviewResolvers = {
  Review: {
    id: ({ id }: Review) => toGlobalId('Review', id),
    author: ({ customerId }: Review, _: unknown, { loaders }: WebContext) => loaders.customer(customerId),
  },
};
