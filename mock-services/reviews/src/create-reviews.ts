import { createServiceApp, type ServiceParts } from '@portico/runtime/service-app.ts';
import type { Express } from 'express';
import type { ReviewsTables } from './database.ts';
import { createReviewsHandlers } from './reviews-handlers.ts';

/** The reviews service; `contracts/openapi/reviews.yaml` says what it does. */
export function createReviews(parts: ServiceParts<ReviewsTables>): Express {
  return createServiceApp('reviews', createReviewsHandlers(parts.db, parts.now ?? Date.now), parts);
}
