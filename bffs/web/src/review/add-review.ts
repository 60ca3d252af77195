import { refuseInput, refuseUnknown, requireUser } from '../errors/refusals.ts';
import type { WebContext } from '../web-context.ts';

interface AddReviewInput {
  readonly idempotencyKey: string;
  readonly sku: string;
  readonly stars: number;
  readonly body: string;
}

/** Reviews takes any id, so the catalog is asked whether there is such a product. */
export const reviewCommands = {
  Mutation: {
    addReview: async (_: unknown, { input }: { readonly input: AddReviewInput }, context: WebContext) => {
      const { idempotencyKey, sku, stars, body } = input;
      const { requestContext, ids, loaders, services } = context;
      requireUser(requestContext);
      if (!ids.isIdempotencyKey(idempotencyKey))
        throw refuseInput('"idempotencyKey" must be 1 to 128 visible ASCII characters.');
      if ((await loaders.product(sku)) === null) throw refuseUnknown('product', sku);
      const parameters = {
        path: { id: sku },
        header: { 'Idempotency-Key': idempotencyKey },
        body: { stars, body },
      };
      const review = await services.reviews.command(
        'post',
        '/products/{id}/reviews',
        parameters,
        requestContext,
      );
      context.readAnew();
      return { review };
    },
  },
};
