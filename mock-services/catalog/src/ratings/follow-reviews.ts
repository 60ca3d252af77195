import { join } from 'node:path';
import { createFaultRoutes } from '@portico/change-stream/faults/fault-routes.ts';
import {
  type DurableConsumerOptions,
  faultsOf,
  runDurableConsumer,
} from '@portico/change-stream/hub/durable-consumer.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import type { paths } from '@portico/contracts/generated/reviews.ts';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import { buildOf } from '@portico/runtime/build-of.ts';
import { Gauge } from '@portico/runtime/metrics.ts';
import type { ServiceParts } from '@portico/runtime/service-app.ts';
import { createCallMetrics } from '@portico/service-client/call-metrics.ts';
import { createServiceClient } from '@portico/service-client/service-client.ts';
import type { Kysely } from 'kysely';
import type { CatalogTables } from '../database.ts';
import { foldAnew, foldReviews } from './fold-reviews.ts';
import { createReadReviews } from './read-reviews.ts';

const consumer = 'catalog-ratings';

export interface FollowReviewsOptions {
  readonly hubUrl: string;
  /** Asked at the first start, and where the hub can't tell what changed. */
  readonly reviewsUrl: string;
}

/**
 * Keeps the ratings of the catalog's own database up to date with what the hub says of reviews. It begins when the hub is there, and
 * goes on where it stopped; the catalog answers meanwhile with what it has.
 */
export function followReviews(
  { hubUrl, reviewsUrl }: FollowReviewsOptions,
  { db, log, metrics, tracing, adminExtra, now = Date.now }: ServiceParts<CatalogTables>,
): { close(): Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;
  const hub = createPostgresEventHub({ url: hubUrl, log });
  const document = loadOpenApi('reviews');
  const options = { service: 'reviews', baseUrl: reviewsUrl, document, timeoutMs: 2_000, tracing };
  const client = createServiceClient<paths>(options, createCallMetrics(metrics));
  const readReviews = createReadReviews(client, log, signal);
  let saidAt: number | undefined;
  new Gauge({
    name: 'portico_fold_lag_seconds',
    help: 'Now minus the time of what reviews said last, of what is folded',
    registers: [metrics.registry],
    collect() {
      if (saidAt !== undefined) this.set((now() - saidAt) / 1000);
    },
  });

  const following: DurableConsumerOptions<CatalogTables> = {
    name: consumer,
    hub,
    db,
    sources: ['reviews'],
    handle: (records, trx) => foldReviews(records, trx, readReviews),
    reset: (trx) => foldAnew(trx, readReviews),
    onSaid: (source, committedAt) => {
      if (source === 'reviews') saidAt = committedAt;
    },
    build: buildOf(join(import.meta.dirname, '..')),
    log,
    metrics,
    tracing,
    now,
  };
  adminExtra?.use(createFaultRoutes([faultsOf(following)]));
  const running = runDurableConsumer(following, signal);
  return {
    close: async () => {
      stopping.abort();
      await running;
      await Promise.all([hub.close(), client.destroy()]);
    },
  };
}

/** Says whether all reviews were folded at least once: before that an order by rating would be made up. */
export function knowsRatings(db: Kysely<CatalogTables>): () => Promise<boolean> {
  const cursor = db.selectFrom('hub_cursors').select('number').where('consumer', '=', consumer);
  let known = false;
  return async () => {
    known ||= (await cursor.where('number', 'is not', null).executeTakeFirst()) !== undefined;
    return known;
  };
}
