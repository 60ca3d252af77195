import type { OrderUpdate } from '@portico/coherent-cache/orders/order-updates.ts';
import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { createLoaders, type Loaders } from './loaders.ts';
import type { ServiceIds } from './service-ids.ts';

/** What the answer to a subscription is made of, event by event. */
export interface Subscriber {
  /** The id of the last event that the client has. */
  readonly after: string | undefined;
  /** Aborts when nobody takes events any more. */
  readonly signal: AbortSignal;
  /** The update that is resolved. */
  update?: Pick<OrderUpdate, 'id' | 'isReset' | 'traceparent'>;
  /** Whether changes of products are known to this process. */
  readonly canFollow: boolean;
  /** The subscription is to what something is, not to what happens to it: its states are read as they change. */
  isOfState?: boolean;
}

/** What resolvers work with, made afresh for every request. */
export interface WebContext {
  readonly requestContext: RequestContext;
  /** Those of the moment: take them from here for each read. */
  loaders: Loaders;
  readonly ids: ServiceIds;
  /** For commands. */
  readonly services: ShopServices;
  /** Where the client takes a stream of events. */
  readonly subscriber?: Subscriber | undefined;
  /** What was read is not given again: a command has changed something. */
  readAnew(): void;
}

export function createWebContext(
  services: ShopServices,
  ids: ServiceIds,
  requestContext: RequestContext,
  subscriber?: Subscriber,
): WebContext {
  const loaders = () => createLoaders(services, ids, requestContext);
  return {
    requestContext,
    ids,
    services,
    subscriber,
    loaders: loaders(),
    readAnew() {
      this.loaders = loaders();
    },
  };
}
