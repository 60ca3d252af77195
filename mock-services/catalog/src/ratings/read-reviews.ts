import type { operations, paths } from '@portico/contracts/generated/reviews.ts';
import { createDownstream } from '@portico/runtime/downstream.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { createRandomHex } from '@portico/runtime/random-hex.ts';
import type { ServiceClient } from '@portico/service-client/service-client.ts';
import type { ReadReviews } from './fold-reviews.ts';

/** An answer of so many products with all their text stays below what a call may bring. */
const productsPerCall = 20;
const firstOfEach = 20;
const reviewsPerPage = 100;
const callTimeoutMs = 5_000;

/** Asks the service for the reviews of products, a call at a time: nobody waits for it but the fold. */
export function createReadReviews(
  client: ServiceClient<paths>,
  log: Logger,
  signal: AbortSignal,
): ReadReviews {
  const [newTraceId, newSpanId] = [createRandomHex(16), createRandomHex(8)];
  const forNobody = () => ({
    context: {
      requestId: `fold-${newSpanId()}`,
      traceparent: `00-${newTraceId()}-${newSpanId()}-00`,
      deadline: Date.now() + callTimeoutMs,
      signal,
      log,
      downstream: createDownstream(),
      cache: { hits: 0, misses: 0 },
    },
  });
  return async function* readReviews(productIds) {
    for (let done = 0; done < productIds.length; done += productsPerCall) {
      const ids = productIds.slice(done, done + productsPerCall);
      const query = { ids, first: firstOfEach };
      const { items } = await client.get('/product-reviews', { query }, forNobody());
      yield items.flatMap(({ reviews }) => reviews);
      for (const { productId, next } of items) {
        let cursor = next;
        while (cursor !== null) {
          const page = { path: { id: productId }, query: { limit: reviewsPerPage, cursor } };
          const answer: Page = await client.get('/products/{id}/reviews', page, forNobody());
          yield answer.items;
          cursor = answer.next;
        }
      }
    }
  };
}

type Page = operations['listReviewsOfProduct']['responses'][200]['content']['application/json'];
