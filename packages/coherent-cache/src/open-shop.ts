import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { readTags } from '@portico/contracts/events/read-tags.ts';
import Type, { type Static, type TObject } from 'typebox';
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
  /** The hub of changes, as the role that owns its database; answers live by `CACHE_TTL_MS` when left out. */
  HUB_URL: Type.Optional(Type.String({ pattern: '^postgres(ql)?://', description: 'a postgres:// URL' })),
};

type OtherOptions = Omit<ShopServicesOptions, 'urls' | 'cacheTtlMs' | 'redisUrl' | 'node' | 'tagsOf'>;

/**
 * The services of the shop, read through a cache that follows the hub of changes. Nobody waits for the hub: while it is
 * away, now or later, reads go to the services.
 */
export function openShop(
  config: Static<TObject<typeof coherentShopSettings>>,
  options: OtherOptions,
): ShopServices {
  const shop = { ...toShopOptions(config), ...options };
  if (config.HUB_URL === undefined) return createShopServices(shop);
  const { log, metrics, now } = options;
  const hub = createPostgresEventHub({ url: config.HUB_URL, log });
  const node = createChangeNode({ hub, sources: eventSources, log, metrics, ...(now && { now }) });
  const services = createShopServices({ ...shop, node, tagsOf: readTags });
  return {
    ...services,
    close: async () => {
      await services.close();
      // Both at once: the node may be waiting for the hub.
      await Promise.all([node.close(), hub.close()]);
    },
  };
}
