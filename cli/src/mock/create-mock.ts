import type { OpenApiDocument } from '@portico/contracts/openapi.ts';
import { createHttpApp } from '@portico/runtime/http-app.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import { createOpenApiRouter } from '@portico/runtime/openapi-router.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import type { Tracing } from '@portico/runtime/tracing.ts';
import type { Express, RequestHandler } from 'express';
import { createMockHandlers } from './create-mock-handlers.ts';

export interface MockOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | undefined;
  /** Comes before every answer. */
  readonly faults?: RequestHandler;
  /** Fails where an answer is not as the document says; for tests. */
  readonly validateAnswers?: boolean;
}

/** A service played from its document alone: requests are validated as a real one would, answers are made up. */
export function createMock(document: OpenApiDocument, parts: MockOptions): Express {
  const { log, metrics, tracing, faults, validateAnswers = false } = parts;
  const handlers = createMockHandlers(document) as unknown as OperationHandlers<unknown>;
  return createHttpApp({ log, metrics, tracing, timeoutMs: 5_000 }, (app) => {
    if (faults !== undefined) app.use(faults);
    app.use(createOpenApiRouter(document, handlers, { validateAnswers }));
  });
}
