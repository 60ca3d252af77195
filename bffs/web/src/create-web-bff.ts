import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import { createHttpApp } from '@portico/runtime/http-app.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import type { Express } from 'express';
import { createGraphiqlPage } from './graphiql/create-graphiql-page.ts';
import { createLoaders } from './loaders.ts';
import { createOperationRunner } from './operation/create-operation-runner.ts';
import { createGraphqlRouter } from './operation/graphql-router.ts';
import { createWebSchema } from './schema.ts';
import { createServiceIds } from './service-ids.ts';

export interface WebBffParts {
  readonly services: ShopServices;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The most that a request may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Demo mode: introspection, suggestions and GraphiQL exist in it and nowhere else. */
  readonly demo: boolean;
}

/** The web app's API: GraphQL at `/graphql`; `schema.graphql` says what it has. */
export function createWebBff({ services, log, metrics, timeoutMs, demo }: WebBffParts): Express {
  const ids = createServiceIds();
  const run = createOperationRunner(createWebSchema(), { openSchema: demo });
  return createHttpApp({ log, metrics, timeoutMs }, (app) => {
    app.use(
      createGraphqlRouter({
        run,
        createContext: (requestContext) => ({
          requestContext,
          ids,
          loaders: createLoaders(services, ids, requestContext),
        }),
        page: demo ? createGraphiqlPage() : undefined,
      }),
    );
  });
}
