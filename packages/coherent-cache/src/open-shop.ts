import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EventHub } from '@portico/change-stream/hub/event-hub.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import type { ChangeNode } from '@portico/change-stream/node/change-node.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createLiveView } from '@portico/change-stream/views/create-live-view.ts';
import type { LiveView } from '@portico/change-stream/views/live-view.ts';
import { createMemoryViewStore } from '@portico/change-stream/views/memory-view-store.ts';
import type { RecordHistory } from '@portico/change-stream/views/record-history.ts';
import { createRedisViewStore } from '@portico/change-stream/views/redis-view-store.ts';
import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { readTags } from '@portico/contracts/events/read-tags.ts';
import { buildOf } from '@portico/runtime/build-of.ts';
import { postgresUrl } from '@portico/runtime/process-config.ts';
import Type, { type Static, type TObject } from 'typebox';
import { type OrdersState, ordersView } from './orders/orders-view.ts';
import { parseRedisUrl } from './redis-address.ts';
import { connectToRedis } from './redis-connection.ts';
import { type Consistency, consistencySettings, createConsistency } from './request-consistency.ts';
import {
  createShopServices,
  type ShopServices,
  type ShopServicesOptions,
  shopSettings,
  toShopOptions,
} from './shop-services.ts';

/** The settings of a process that reads the shop and, where there is a hub, knows what changes in it. */
export const coherentShopSettings = {
  ...shopSettings,
  ...consistencySettings,
  /** The hub of changes, as the role that owns its database; answers live by `CACHE_TTL_MS` when left out. */
  HUB_URL: Type.Optional(postgresUrl),
};

interface OtherOptions
  extends Pick<ShopServicesOptions, 'log' | 'metrics' | 'tracing' | 'now' | 'callTimeoutMs'> {
  /** Whose shop it is: each has a view of orders of its own. */
  readonly name: string;
  /** What the hub has let go of, for views that are made anew. */
  readonly history?: RecordHistory | undefined;
}

/** The services, and what clients have to see of them; undefined without `PORTICO_TOKEN_KEY`. */
export interface OpenShop extends ShopServices {
  readonly consistency: Consistency | undefined;
  /** What is known of changes, and from where; undefined without `HUB_URL`. Closing the shop closes both. */
  readonly changes: { readonly node: ChangeNode; readonly hub: EventHub } | undefined;
  /** By name; none without `HUB_URL`. */
  readonly views: { readonly orders?: LiveView<OrdersState> };
}

/** Where the functions of the views are, and what they know of events. */
const viewSources = [
  import.meta.dirname,
  dirname(fileURLToPath(import.meta.resolve('@portico/contracts/events/change-event.ts'))),
];

/**
 * The services of the shop, read through a cache that follows the hub of changes. Nobody waits for the hub: while it is
 * away, now or later, reads go to the services.
 */
export function openShop(
  config: Static<TObject<typeof coherentShopSettings>>,
  options: OtherOptions,
): OpenShop {
  const { HUB_URL: url, PORTICO_TOKEN_KEY: key } = config;
  const { log, metrics, tracing, now } = options;
  const hub = url === undefined ? undefined : createPostgresEventHub({ url, log });
  const silent = config.SILENT_SERVICES.split(',');
  const node =
    hub &&
    createChangeNode({ hub, sources: eventSources, silent, log, metrics, tracing, ...(now && { now }) });
  const consistency = key === undefined ? undefined : createConsistency({ key, node, ...(now && { now }) });
  const view = ordersView(options.name);
  const redis = node && config.REDIS_URL ? connectToRedis(parseRedisUrl(config.REDIS_URL)) : undefined;
  // What fails is said by whoever is answered with it.
  redis?.on('error', () => {});
  const liveView =
    hub &&
    node &&
    createLiveView<OrdersState>({
      view,
      store: redis === undefined ? createMemoryViewStore() : createRedisViewStore({ redis, view }),
      node,
      hub,
      history: options.history,
      log,
      metrics,
      tracing,
      build: buildOf(...viewSources),
    });
  const services = createShopServices({
    ...toShopOptions(config),
    ...options,
    ...consistency?.reading,
    node,
    ordersView: liveView,
    tagsOf: node && readTags,
  });
  return {
    ...services,
    consistency,
    changes: hub && node && { hub, node },
    views: liveView === undefined ? {} : { orders: liveView },
    close: async () => {
      await services.close();
      // All at once: they may be waiting for the hub.
      await Promise.all([liveView?.close(), node?.close(), hub?.close()]);
      redis?.disconnect();
    },
  };
}
