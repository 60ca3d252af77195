import { loadOpenApi, type OpenApiName } from '@portico/contracts/openapi.ts';
import type { Express, RequestHandler, Router } from 'express';
import type { TokenVerifier } from './access-token.ts';
import { type Database, databaseProblem } from './database.ts';
import { createHttpApp } from './http-app.ts';
import { identifyUser } from './identity.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import { createOpenApiRouter } from './openapi-router.ts';
import type { OperationHandlers } from './openapi-types.ts';
import type { Tracing } from './tracing.ts';

/** What a service works with. */
export interface ServiceParts<Tables> {
  /** Its own database, migrated. */
  readonly db: Database<Tables>;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | undefined;
  /** Says whom a token is from; nobody is known, and commands that need a user are refused, when left out. */
  readonly verifyToken?: TokenVerifier | undefined;
  /** Takes what ends the work that the service does besides answering, before its database is let go. */
  readonly onClose?: ((end: () => Promise<void>) => void) | undefined;
  /** Takes what the service offers its operators beside the usual. */
  readonly adminExtra?: Router | undefined;
  /** Epoch milliseconds, for what the service writes down. */
  readonly now?: () => number;
  /** Comes before everything that the service does. */
  readonly faults?: RequestHandler | undefined;
  /** Fails where an answer is not as the document says; for tests. */
  readonly validateAnswers?: boolean;
}

/** A service on its own database: its OpenAPI document says what it does, the handlers do it. */
export function createServiceApp<Tables, Operations>(
  name: OpenApiName,
  handlers: OperationHandlers<Operations>,
  { log, metrics, tracing, verifyToken, faults, validateAnswers = false }: ServiceParts<Tables>,
): Express {
  const options = { log, metrics, tracing, timeoutMs: 5_000, translateError: databaseProblem };
  return createHttpApp(options, (app) => {
    if (faults !== undefined) app.use(faults);
    if (verifyToken !== undefined) app.use(identifyUser(verifyToken));
    app.use(createOpenApiRouter(loadOpenApi(name), handlers, { validateAnswers }));
  });
}
