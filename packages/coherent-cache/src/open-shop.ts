import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { readTags } from '@portico/contracts/events/read-tags.ts';
import { postgresUrl } from '@portico/runtime/process-config.ts';
import Type, { type Static, type TObject } from 'typebox';
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

type OtherOptions = Pick<ShopServicesOptions, 'log' | 'metrics' | 'tracing' | 'now' | 'callTimeoutMs'>;

/** The services, and what clients have to see of them; undefined without `PORTICO_TOKEN_KEY`. */
export interface OpenShop extends ShopServices {
  readonly consistency: Consistency | undefined;
}

/**
 * The services of the shop, read through a cache that follows the hub of changes. Nobody waits for the hub: while it is
 * away, now or later, reads go to the services.
 */
export function openShop(
  config: Static<TObject<typeof coherentShopSettings>>,
  options: OtherOptions,
): OpenShop {
  const { HUB_URL: url, PORTICO_TOKEN_KEY: key } = config;
  const { log, metrics, now } = options;
  const hub = url === undefined ? undefined : createPostgresEventHub({ url, log });
  const silent = config.SILENT_SERVICES.split(',');
  const node =
    hub && createChangeNode({ hub, sources: eventSources, silent, log, metrics, ...(now && { now }) });
  const consistency = key === undefined ? undefined : createConsistency({ key, node, ...(now && { now }) });
  const services = createShopServices({
    ...toShopOptions(config),
    ...options,
    ...consistency?.reading,
    node,
    tagsOf: node && readTags,
  });
  return {
    ...services,
    consistency,
    close: async () => {
      await services.close();
      // Both at once: the node may be waiting for the hub.
      await Promise.all([node?.close(), hub?.close()]);
    },
  };
}
