import { createHash } from 'node:crypto';
import type { ChangeNode } from '@portico/change-stream/node/change-node.ts';
import type { LiveView } from '@portico/change-stream/views/live-view.ts';
import type { paths as Catalog } from '@portico/contracts/generated/catalog.ts';
import type { paths as Customers } from '@portico/contracts/generated/customers.ts';
import type { paths as Inventory } from '@portico/contracts/generated/inventory.ts';
import type { paths as Orders } from '@portico/contracts/generated/orders.ts';
import type { paths as Reviews } from '@portico/contracts/generated/reviews.ts';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import { httpUrl } from '@portico/runtime/process-config.ts';
import type { Tracing } from '@portico/runtime/tracing.ts';
import { createCallMetrics } from '@portico/service-client/call-metrics.ts';
import { createServiceClient } from '@portico/service-client/service-client.ts';
import Type, { type Static, type TObject } from 'typebox';
import { createCacheMetrics } from './cache-metrics.ts';
import { type CachedService, type CachedServiceOptions, createCachedService } from './cached-service.ts';
import { createOrderService, type OrderService } from './orders/order-service.ts';
import type { OrdersState } from './orders/orders-view.ts';
import { createReadCache } from './read-cache.ts';
import { createRedisStore } from './redis-store.ts';
import { createWholeAnswers, type WholeAnswers } from './whole-answers.ts';

/** The settings of a process that reads the services of the shop. */
export const shopSettings = {
  CATALOG_URL: httpUrl,
  INVENTORY_URL: httpUrl,
  REVIEWS_URL: httpUrl,
  CUSTOMERS_URL: httpUrl,
  /** Of a shop that takes orders; they are not available when left out. */
  ORDERS_URL: Type.Optional(httpUrl),
  /** The cache level that instances share; each has only its own when left out. */
  REDIS_URL: Type.Optional(Type.String({ pattern: '^rediss?://', description: 'a redis:// URL' })),
  /** How long an answer of a service may be given again, in milliseconds. */
  CACHE_TTL_MS: Type.Integer({ minimum: 0, maximum: 60_000, default: 1_000 }),
  /** Services that say nothing of their changes, whatever the hub heard of them once. */
  SILENT_SERVICES: Type.String({
    pattern: '^((catalog|inventory|reviews|customers|orders)(,(?=.)|$))*$',
    description: 'names of services, separated by commas',
    default: '',
  }),
};

/** The services of the shop, read through one cache. */
export interface ShopServices {
  readonly catalog: CachedService<Catalog>;
  readonly inventory: CachedService<Inventory>;
  readonly reviews: CachedService<Reviews>;
  readonly customers: CachedService<Customers>;
  readonly orders: OrderService;
  /** Answers that are made of their answers. */
  readonly answers: WholeAnswers;
  /** Drops what this process keeps for this user alone. */
  dropOf(subject: string): void;
  close(): Promise<void>;
}

const serviceNames = ['catalog', 'inventory', 'reviews', 'customers', 'orders'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** Where the services are. */
export type ServiceUrls = Readonly<Record<Exclude<ServiceName, 'orders'>, string>> & {
  readonly orders?: string | undefined;
};

export interface ShopServicesOptions extends CachedServiceOptions {
  readonly urls: ServiceUrls;
  readonly cacheTtlMs: number;
  /** A level of the cache that instances share; there is none when left out. */
  readonly redisUrl?: string | undefined;
  /** What is known of changes; answers live by `cacheTtlMs` alone when left out. Who made it closes it. */
  readonly node?: ChangeNode | undefined;
  /** What is known of orders from their events; the service is asked when left out. Who made it closes it. */
  readonly ordersView?: LiveView<OrdersState> | undefined;
  /** The time of one call to a service, with its retry. */
  readonly callTimeoutMs?: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | undefined;
  readonly now?: () => number;
}

/** What `shopSettings` say, as options. */
export function toShopOptions(config: Static<TObject<typeof shopSettings>>) {
  return {
    urls: {
      catalog: config.CATALOG_URL,
      inventory: config.INVENTORY_URL,
      reviews: config.REVIEWS_URL,
      customers: config.CUSTOMERS_URL,
      orders: config.ORDERS_URL,
    },
    cacheTtlMs: config.CACHE_TTL_MS,
    redisUrl: config.REDIS_URL,
  };
}

/** What the cache level in this process may take. */
const maxCacheBytes = 64_000_000;

/** Another one for each shape that answers can have: builds that differ in it don't read each other's entries. */
function schemaVersion(): string {
  const documents = serviceNames.map((service) => JSON.stringify(loadOpenApi(service)));
  return createHash('sha256').update(documents.join('\n')).digest('base64url').slice(0, 8);
}

/** Nobody answers there (RFC 6761 section 6.4). */
const nowhere = 'http://orders.invalid';

/** What a customer orders is for that customer: it is asked for each time, and nothing that shows it is kept. */
function neverKept(): never {
  throw new Error('answers of orders are not kept');
}

/** The clients of all services behind one cache. `close` ends their connections. */
export function createShopServices(options: ShopServicesOptions): ShopServices {
  const {
    urls,
    cacheTtlMs: ttlMs,
    redisUrl,
    callTimeoutMs = 600,
    log,
    metrics,
    tracing,
    now = Date.now,
  } = options;
  const { node, ordersView: view, tagsOf, requirementOf, onRead, onCommit } = options;
  const cacheMetrics = createCacheMetrics(metrics);
  const cache = createReadCache({
    maxBytes: maxCacheBytes,
    shared:
      redisUrl === undefined
        ? undefined
        : createRedisStore({ url: redisUrl, log, now, metrics: cacheMetrics }),
    node,
    schema: schemaVersion(),
    ttlMs,
    now,
    metrics: cacheMetrics,
    // A call ends by its own limit, with an error that says why.
    fillTimeoutMs: callTimeoutMs + 250,
  });

  const { answers, noteRead } = createWholeAnswers({
    cache,
    sources: serviceNames,
    requirementOf,
    onRead,
    now,
  });
  const noteAnyRead: NonNullable<CachedServiceOptions['onRead']> = (context, read) => {
    noteRead(context, read);
    onRead?.(context, read);
  };
  const reading: CachedServiceOptions = { tagsOf, requirementOf, onCommit, onRead: noteAnyRead };

  const callMetrics = createCallMetrics(metrics);
  const clientOf = <Paths>(service: ServiceName) =>
    createServiceClient<Paths>(
      {
        service,
        baseUrl: urls[service] ?? nowhere,
        document: loadOpenApi(service),
        timeoutMs: callTimeoutMs,
        tracing,
      },
      callMetrics,
    );
  const catalog = clientOf<Catalog>('catalog');
  const inventory = clientOf<Inventory>('inventory');
  const reviews = clientOf<Reviews>('reviews');
  const customers = clientOf<Customers>('customers');
  const orders = clientOf<Orders>('orders');

  return {
    catalog: createCachedService(catalog, cache, reading),
    inventory: createCachedService(inventory, cache, reading),
    reviews: createCachedService(reviews, cache, reading),
    customers: createCachedService(customers, cache, reading),
    orders: createOrderService(createCachedService(orders, cache, { ...reading, tagsOf: neverKept }), {
      view,
      requirementOf,
      onRead: noteAnyRead,
    }),
    answers,
    dropOf: cache.dropOf,
    close: async () => {
      await cache.close();
      await Promise.all([catalog, inventory, reviews, customers, orders].map((client) => client.destroy()));
    },
  };
}
