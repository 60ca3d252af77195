import { createCacheMetrics } from '@portico/coherent-cache/cache-metrics.ts';
import { type CachedService, createCachedService } from '@portico/coherent-cache/cached-service.ts';
import { createMemoryStore } from '@portico/coherent-cache/memory-store.ts';
import { createReadCache } from '@portico/coherent-cache/read-cache.ts';
import { createRedisStore } from '@portico/coherent-cache/redis-store.ts';
import type { paths as Catalog } from '@portico/contracts/generated/catalog.ts';
import type { paths as Customers } from '@portico/contracts/generated/customers.ts';
import type { paths as Inventory } from '@portico/contracts/generated/inventory.ts';
import type { paths as Reviews } from '@portico/contracts/generated/reviews.ts';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import { createCallMetrics } from '@portico/service-client/call-metrics.ts';
import { createServiceClient } from '@portico/service-client/service-client.ts';

/** The services that the screens are made of, read through one cache. */
export interface ShopClients {
  readonly catalog: CachedService<Catalog>;
  readonly inventory: CachedService<Inventory>;
  readonly reviews: CachedService<Reviews>;
  readonly customers: CachedService<Customers>;
}

export interface ShopClientsOptions {
  /** Where each service is. */
  readonly urls: { readonly [service in keyof ShopClients]: string };
  /** The cache level that all instances share; only this process has one if left out. */
  readonly redisUrl: string | undefined;
  /** How long what was read is good for. */
  readonly cacheTtlMs: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** What the cache level in this process may take. */
const cacheMaxBytes = 64_000_000;

/** @returns the clients, and what ends their connections. */
export function createShopClients(options: ShopClientsOptions): {
  clients: ShopClients;
  close: () => Promise<void>;
} {
  const { urls, redisUrl, cacheTtlMs: ttlMs, log, metrics, now = Date.now } = options;
  const cacheMetrics = createCacheMetrics(metrics);
  const memory = createMemoryStore({ maxBytes: cacheMaxBytes, now });
  const shared =
    redisUrl === undefined ? [] : [createRedisStore({ url: redisUrl, log, now, metrics: cacheMetrics })];
  const cache = createReadCache({ levels: [memory, ...shared], ttlMs, now, metrics: cacheMetrics });

  const callMetrics = createCallMetrics(metrics);
  const connect = <Paths>(service: keyof ShopClients) =>
    createServiceClient<Paths>(
      { service, baseUrl: urls[service], document: loadOpenApi(service) },
      callMetrics,
    );
  const catalog = connect<Catalog>('catalog');
  const inventory = connect<Inventory>('inventory');
  const reviews = connect<Reviews>('reviews');
  const customers = connect<Customers>('customers');
  return {
    clients: {
      catalog: createCachedService(catalog, cache),
      inventory: createCachedService(inventory, cache),
      reviews: createCachedService(reviews, cache),
      customers: createCachedService(customers, cache),
    },
    close: async () => {
      await cache.close();
      await Promise.all([catalog, inventory, reviews, customers].map((client) => client.destroy()));
    },
  };
}
