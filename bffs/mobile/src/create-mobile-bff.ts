import type { Consistency } from '@portico/coherent-cache/request-consistency.ts';
import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { operations } from '@portico/contracts/generated/mobile.ts';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import type { TokenVerifier } from '@portico/runtime/access-token.ts';
import { createEventStreams, type EventStreams } from '@portico/runtime/event-stream.ts';
import { contextOf, createHttpApp } from '@portico/runtime/http-app.ts';
import { identifyUser } from '@portico/runtime/identity.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import { createOpenApiGet } from '@portico/runtime/openapi-get.ts';
import { createOpenApiRouter } from '@portico/runtime/openapi-router.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { takeSessionEnds } from '@portico/runtime/session-ends.ts';
import type { Tracing } from '@portico/runtime/tracing.ts';
import compression from 'compression';
import type { Express, RequestHandler } from 'express';
import { requireAppVersion } from './app-version.ts';
import { answerBatch } from './batch/answer-batch.ts';
import { createDocsRouter } from './docs/docs-routes.ts';
import { showHome } from './home-feed/show-home.ts';
import { showMe } from './me/show-me.ts';
import { followOrder } from './orders/follow-order.ts';
import { cancelOrder, placeOrder } from './orders/order-commands.ts';
import { listMyOrders, showOrder } from './orders/show-orders.ts';
import { addReview } from './products/add-review.ts';
import { listProducts } from './products/list-products.ts';
import { setPrice, setStock } from './products/operator-commands.ts';
import { showProduct } from './products/show-product.ts';
import { createScreens, describeFailure, freshScreen, writeScreen } from './screen-answer.ts';
import { toServiceProblem } from './service-failure.ts';
import { type SyncLog, showSync } from './sync/show-sync.ts';

export interface MobileBffParts {
  readonly clients: ShopServices;
  /** What clients have to see; answers have no token when left out. */
  readonly consistency?: Consistency | undefined;
  /** What is known of changes, for phones that keep the catalogue; there is no sync when left out. */
  readonly syncLog?: SyncLog | undefined;
  /** Says whom a token is from; everybody is a visitor when left out. */
  readonly verifyToken?: TokenVerifier | undefined;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | undefined;
  /** The most that a request may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The oldest version of the app that understands the answers: three numbers. */
  readonly minAppVersion: string;
  /** Its streams; some of its own when left out. */
  readonly eventStreams?: EventStreams | undefined;
  /** Fails where an answer is not as the document says; for tests. */
  readonly validateAnswers?: boolean;
}

/** The phone's API; `contracts/openapi/mobile.yaml` says what it does. */
export function createMobileBff(parts: MobileBffParts): Express {
  const { clients, consistency, verifyToken, log, metrics, tracing, timeoutMs, minAppVersion } = parts;
  const { syncLog, validateAnswers = false, eventStreams = createEventStreams() } = parts;
  const document = loadOpenApi('mobile');
  const screen = createScreens(clients.answers);
  const handlers: OperationHandlers<operations> = {
    showHome: screen('showHome', showHome(clients)),
    listProducts: screen('listProducts', listProducts(clients)),
    showProduct: screen('showProduct', showProduct(clients)),
    syncProducts: freshScreen(
      showSync({ clients, log: syncLog, requirementOf: consistency?.reading.requirementOf }),
    ),
    showMe: screen('showMe', showMe(clients)),
    listMyOrders: screen('listMyOrders', listMyOrders(clients)),
    showOrder: screen('showOrder', showOrder(clients)),
    followOrder: followOrder(clients),
    placeOrder: placeOrder(clients),
    cancelOrder: cancelOrder(clients),
    addReview: addReview(clients),
    setPrice: setPrice(clients),
    setStock: setStock(clients),
    batch: answerBatch((target, context) => get(target, context)),
  };
  const get = createOpenApiGet(document, handlers, ['followOrder']);
  return createHttpApp({ log, metrics, tracing, timeoutMs, translateError: toServiceProblem }, (app) => {
    app.use(varyByEncoding);
    // Before everything that answers. It takes bodies from 1 kB on, and brotli at quality 4: Node's own default, 11, takes
    // 40 times as long for a screen.
    app.use(compression());
    // Before the request is looked at: an old app may ask for what isn't there any more.
    app.use('/api/v1', requireAppVersion(minAppVersion));
    app.use('/api/v1', (req, res, next) => {
      consistency?.begin(contextOf(res), req.get('Portico-Consistency'));
      next();
    });
    if (verifyToken !== undefined) app.use('/api/v1', identifyUser(verifyToken));
    app.use(
      createOpenApiRouter<operations>(document, handlers, {
        validateAnswers,
        writeAnswer: writeScreen(eventStreams),
      }),
    );
    app.use(createDocsRouter(document));
    app.use(takeSessionEnds(clients.dropOf));
    app.use(describeFailure);
  });
}

/** On every answer, a 304 or a small one too, where compression leaves it out (RFC 9110 section 15.4.5). */
const varyByEncoding: RequestHandler = (_req, res, next) => {
  res.vary('Accept-Encoding');
  next();
};
