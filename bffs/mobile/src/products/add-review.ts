import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { operations } from '@portico/contracts/generated/mobile.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { commandAnswer } from '../screen-answer.ts';
import { openReads } from '../shop-reads.ts';
import { composeReview } from './compose-product-screen.ts';

/** Reviews takes any id, so the catalog is asked whether there is such a product. */
export function addReview(clients: ShopServices): OperationHandlers<operations>['addReview'] {
  return async ({ path, headers, body, context }) => {
    const reads = openReads(clients, context);
    if ((await reads.product(path.id)) === null) {
      throw new Problem('not-found', `No product has the id "${path.id}".`);
    }
    const header = { 'Idempotency-Key': String(headers['idempotency-key']) };
    const parameters = { path, header, body };
    const review = await clients.reviews.command('post', '/products/{id}/reviews', parameters, context);
    const answer = commandAnswer(composeReview(await reads.withAuthor(review)), context);
    return { ...answer, status: 201 };
  };
}
