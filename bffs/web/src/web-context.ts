import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { createLoaders, type Loaders } from './loaders.ts';
import type { ServiceIds } from './service-ids.ts';

/** What resolvers work with, made afresh for every request. */
export interface WebContext {
  readonly requestContext: RequestContext;
  /** Those of the moment: take them from here for each read. */
  loaders: Loaders;
  readonly ids: ServiceIds;
  /** For commands. */
  readonly services: ShopServices;
  /** What was read is not given again: a command has changed something. */
  readAnew(): void;
}

export function createWebContext(
  services: ShopServices,
  ids: ServiceIds,
  requestContext: RequestContext,
): WebContext {
  const loaders = () => createLoaders(services, ids, requestContext);
  return {
    requestContext,
    ids,
    services,
    loaders: loaders(),
    readAnew() {
      this.loaders = loaders();
    },
  };
}
