import type { ChangeNode } from '@portico/change-stream/node/change-node.ts';
import type { Consistency } from '@portico/coherent-cache/request-consistency.ts';
import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { TokenVerifier } from '@portico/runtime/access-token.ts';
import { createEventStreams, type EventStreams } from '@portico/runtime/event-stream.ts';
import { contextOf, createHttpApp } from '@portico/runtime/http-app.ts';
import { identifyUser } from '@portico/runtime/identity.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { takeSessionEnds } from '@portico/runtime/session-ends.ts';
import type { Tracing } from '@portico/runtime/tracing.ts';
import type { Express } from 'express';
import { createGraphiqlPage } from './graphiql/create-graphiql-page.ts';
import type { LiveAnswersOptions } from './live/live-answers.ts';
import { createStateStreams } from './live/state-streams.ts';
import { createOperationAnswers } from './operation/answer-operation.ts';
import { createOperationRunner } from './operation/create-operation-runner.ts';
import { createGraphqlRouter } from './operation/graphql-router.ts';
import { createOperationStreams } from './operation/stream-operation.ts';
import { createWebSchema } from './schema.ts';
import { createServiceIds } from './service-ids.ts';
import { createWebContext } from './web-context.ts';

export interface WebBffParts {
  readonly services: ShopServices;
  /** What is known of changes; nobody can follow a product when left out. */
  readonly node?: ChangeNode | undefined;
  /** What clients have to see; answers have no token when left out. */
  readonly consistency?: Pick<Consistency, 'begin'> | undefined;
  /** Says whom a token is from; everybody is a visitor when left out. */
  readonly verifyToken?: TokenVerifier | undefined;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | undefined;
  /** The most that a request may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How often answers that are followed are read again; as it says when left out. */
  readonly live?: Pick<LiveAnswersOptions, 'everyMs' | 'lookEveryMs'> | undefined;
  /** Its streams; some of its own when left out. */
  readonly eventStreams?: EventStreams | undefined;
  /** Demo mode: introspection, suggestions and GraphiQL exist in it and nowhere else. */
  readonly demo: boolean;
}

/** The web app's API: GraphQL at `/graphql`; `schema.graphql` says what it has. */
export function createWebBff(parts: WebBffParts): Express {
  const { services, node, consistency, verifyToken, log, metrics, tracing, timeoutMs, demo } = parts;
  const { eventStreams = createEventStreams() } = parts;
  const ids = createServiceIds();
  const { run, subscribe, readState } = createOperationRunner(createWebSchema(), { openSchema: demo });
  const createContext = (requestContext: RequestContext) => createWebContext(services, ids, requestContext);
  const answerOperation = createOperationAnswers({
    run,
    answers: services.answers,
    createContext,
  });
  const streamOperation = createOperationStreams({
    subscribe,
    streamState:
      node &&
      createStateStreams({
        ...parts.live,
        node,
        readState,
        createContext,
        answers: services.answers,
        begin: consistency?.begin,
      }),
    createContext: (requestContext, subscriber) =>
      createWebContext(services, ids, requestContext, subscriber),
  });
  return createHttpApp({ log, metrics, tracing, timeoutMs }, (app) => {
    app.use((req, res, next) => {
      consistency?.begin(contextOf(res), req.get('Portico-Consistency'));
      next();
    });
    app.use(takeSessionEnds(services.dropOf));
    if (verifyToken !== undefined) app.use(identifyUser(verifyToken));
    app.use(
      createGraphqlRouter({
        answerOperation,
        streamOperation,
        eventStreams,
        page: demo ? createGraphiqlPage() : undefined,
      }),
    );
  });
}
