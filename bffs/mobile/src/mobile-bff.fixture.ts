import type { Consistency } from '@portico/coherent-cache/request-consistency.ts';
import {
  createShopServices,
  type ShopServices,
  type ShopServicesOptions,
} from '@portico/coherent-cache/shop-services.ts';
import type { TokenVerifier } from '@portico/runtime/access-token.ts';
import type { EventStreams } from '@portico/runtime/event-stream.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { createMobileBff } from './create-mobile-bff.ts';
import type { SyncLog } from './sync/show-sync.ts';

export interface TestBffOptions {
  readonly now?: () => number;
  readonly redisUrl?: string;
  readonly verifyToken?: TokenVerifier;
  /** More than any machine needs, where a test is not about services that are slow. */
  readonly callTimeoutMs?: number;
  /** What is known of changes, and of orders from them; nothing when left out. */
  readonly node?: ShopServicesOptions['node'];
  readonly ordersView?: ShopServicesOptions['ordersView'];
  readonly tagsOf?: ShopServicesOptions['tagsOf'];
  readonly syncLog?: SyncLog;
  readonly consistency?: Consistency;
  readonly eventStreams?: EventStreams;
  /** True when left out, false where a test asks more often than that bears. */
  readonly validateAnswers?: boolean;
  /** What is used of the services in place of the real thing. */
  readonly overrides?: Partial<ShopServices>;
}

/**
 * The BFF as a process has it, in front of services at these addresses, with answers checked against the document.
 * Its cache goes by `now`: a clock that stands still keeps everything, one that is told to go on lets it grow old.
 */
export function createTestBff(urls: ShopServicesOptions['urls'], options: TestBffOptions = {}) {
  const { now = Date.now, redisUrl, verifyToken, callTimeoutMs = 600, consistency } = options;
  const metrics = createMetrics('mobile');
  const clients = createShopServices({
    urls,
    redisUrl,
    cacheTtlMs: 1_000,
    callTimeoutMs,
    log: silentLogger,
    metrics,
    now,
    node: options.node,
    ordersView: options.ordersView,
    tagsOf: options.tagsOf,
    ...consistency?.reading,
  });
  const app = createMobileBff({
    clients: { ...clients, ...options.overrides },
    consistency,
    syncLog: options.syncLog,
    eventStreams: options.eventStreams,
    verifyToken,
    log: silentLogger,
    metrics,
    timeoutMs: 5_000,
    minAppVersion: '1.4.0',
    validateAnswers: options.validateAnswers ?? true,
  });
  return { app, metrics, close: () => clients.close() };
}
