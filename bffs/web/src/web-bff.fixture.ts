import {
  createShopServices,
  type ServiceUrls,
  type ShopServices,
  type ShopServicesOptions,
} from '@portico/coherent-cache/shop-services.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import request from 'supertest';
import { createWebBff, type WebBffParts } from './create-web-bff.ts';

export interface TestWebOptions extends Partial<Omit<WebBffParts, 'services'>> {
  readonly urls: ServiceUrls;
  /** A minute when left out, so that nothing expires while a test runs. */
  readonly cacheTtlMs?: number;
  readonly now?: () => number;
  /** More than any machine needs, when left out. */
  readonly callTimeoutMs?: number;
  readonly redisUrl?: string | undefined;
  /** What is known of changes, and of orders from them; nothing when left out. */
  readonly node?: ShopServicesOptions['node'];
  readonly tagsOf?: ShopServicesOptions['tagsOf'];
  readonly ordersView?: ShopServicesOptions['ordersView'];
  /** What is used of the services in place of the real thing. */
  readonly overrides?: Partial<ShopServices>;
}

export type TestWeb = ReturnType<typeof createTestWeb>;

/** A web BFF for tests, with connections, cache and circuit breakers of its own. */
export function createTestWeb(options: TestWebOptions) {
  const { log = silentLogger, metrics = createMetrics('web') } = options;
  const services = createShopServices({
    cacheTtlMs: 60_000,
    callTimeoutMs: 20_000,
    ...options,
    log,
    metrics,
  });
  const app = createWebBff({
    timeoutMs: 60_000,
    demo: false,
    ...options,
    services: { ...services, ...options.overrides },
    log,
    metrics,
  });
  return {
    app,
    /** Sends an operation as a client does that knows the present standard. */
    query: (query: string, variables?: Record<string, unknown>) =>
      request(app)
        .post('/graphql')
        .accept('application/graphql-response+json')
        .send({ query, ...(variables === undefined ? {} : { variables }) }),
    close: () => services.close(),
  };
}
