import type { RequestContext } from '@portico/runtime/request-context.ts';
import type { Loaders } from './loaders.ts';
import type { ServiceIds } from './service-ids.ts';

/** What resolvers work with, made afresh for every request. */
export interface WebContext {
  readonly requestContext: RequestContext;
  readonly loaders: Loaders;
  readonly ids: ServiceIds;
}
