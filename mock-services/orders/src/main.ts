import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import type { paths as CatalogPaths } from '@portico/contracts/generated/catalog.ts';
import type { paths as InventoryPaths } from '@portico/contracts/generated/inventory.ts';
import type { paths as PaymentsPaths } from '@portico/contracts/generated/payments.ts';
import type { paths as ShippingPaths } from '@portico/contracts/generated/shipping.ts';
import { loadOpenApi, type OpenApiName } from '@portico/contracts/openapi.ts';
import { createDatabase } from '@portico/runtime/database.ts';
import { runService } from '@portico/runtime/run-service.ts';
import type { ServiceParts } from '@portico/runtime/service-app.ts';
import { createCallMetrics } from '@portico/service-client/call-metrics.ts';
import { createServiceClient } from '@portico/service-client/service-client.ts';
import { type OrdersConfig, ordersSettings } from './config.ts';
import { createOrders } from './create-orders.ts';
import { migrations, type OrdersTables } from './database.ts';
import { followShipping } from './follow-shipping.ts';
import { createPerform } from './saga/call-participants.ts';
import { createParkedRoutes } from './saga/parked-routes.ts';
import { runSaga } from './saga/run-saga.ts';
import { createSagaMetrics } from './saga/saga-metrics.ts';
import { createServiceToken } from './saga/service-token.ts';

await runService(
  { name: 'orders', migrations, seed: async () => {}, settings: ordersSettings, createApp },
  process.env,
);

function createApp(parts: ServiceParts<OrdersTables>, config: OrdersConfig) {
  const { db, log, metrics, tracing } = parts;
  const callMetrics = createCallMetrics(metrics);
  const clientOf = <Paths>(service: OpenApiName, baseUrl: string, timeoutMs: number, breaks = false) => {
    const options = { service, baseUrl, document: loadOpenApi(service), timeoutMs, breaks, tracing };
    const client = createServiceClient<Paths>(options, callMetrics);
    parts.onClose?.(() => client.destroy());
    return client;
  };
  const token = createServiceToken({
    issuer: config.OIDC_ISSUER,
    clientId: 'orders',
    clientSecret: config.ORDERS_CLIENT_SECRET,
  });
  const participants = {
    inventory: clientOf<InventoryPaths>('inventory', config.INVENTORY_URL, 2_000),
    payments: clientOf<PaymentsPaths>('payments', config.PAYMENTS_URL, 5_000),
    shipping: clientOf<ShippingPaths>('shipping', config.SHIPPING_URL, 2_000),
  };
  const saga = runSaga({
    db: createDatabase<OrdersTables>(config.DATABASE_URL, log, tracing, config.SAGA_CONCURRENCY),
    perform: createPerform(participants, token, log),
    log,
    tracing,
    concurrency: config.SAGA_CONCURRENCY,
    parkAfterTries: config.SAGA_PARK_AFTER_TRIES,
    ...createSagaMetrics(metrics, db),
  });
  const { wake } = saga;
  parts.onClose?.(saga.close);
  parts.adminExtra?.use(createParkedRoutes(db, wake));
  if (config.HUB_URL !== undefined) {
    const hub = createPostgresEventHub({ url: config.HUB_URL, log });
    parts.onClose?.(
      followShipping({ hub, db, wake, log, metrics, tracing, adminExtra: parts.adminExtra }).close,
    );
  }
  return createOrders({
    ...parts,
    catalog: clientOf<CatalogPaths>('catalog', config.CATALOG_URL, 1_000, true),
    wake,
  });
}
