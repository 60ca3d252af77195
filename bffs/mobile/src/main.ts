import { fileURLToPath } from 'node:url';
import { createViewsAdmin } from '@portico/change-stream/views/views-admin.ts';
import { openShop } from '@portico/coherent-cache/open-shop.ts';
import { createLakeHistory } from '@portico/event-lake/lake-history.ts';
import { createEventStreams } from '@portico/runtime/event-stream.ts';
import { toTokenVerifier } from '@portico/runtime/identity.ts';
import { createLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { runProcess } from '@portico/runtime/run-process.ts';
import { openTracing } from '@portico/runtime/tracing.ts';
import { readMobileConfig } from './config.ts';
import { createMobileBff } from './create-mobile-bff.ts';
import { createChangedProducts } from './sync/changed-products.ts';

await runProcess(async () => {
  const config = readMobileConfig(process.env);
  const log = createLogger({ name: 'mobile', level: config.LOG_LEVEL });
  const metrics = createMetrics('mobile');
  const tracing = await openTracing('mobile', config, log);
  const clients = openShop(config, {
    name: 'mobile',
    history: config.LAKE_URL === undefined ? undefined : createLakeHistory(fileURLToPath(config.LAKE_URL)),
    log,
    metrics,
    tracing,
  });
  const changed = clients.changes && createChangedProducts({ ...clients.changes, log });
  const eventStreams = createEventStreams({ tracing });
  return {
    log,
    metrics,
    tracing,
    handler: createMobileBff({
      clients,
      eventStreams,
      consistency: clients.consistency,
      syncLog: clients.changes && changed && { node: clients.changes.node, changed },
      verifyToken: toTokenVerifier(config),
      log,
      metrics,
      tracing,
      timeoutMs: config.REQUEST_TIMEOUT_MS,
      minAppVersion: config.MIN_APP_VERSION,
    }),
    // A service that is away, or Redis, costs a part of the answers and must not take this process out of service.
    checks: {},
    showsReadiness: true,
    host: config.PORTICO_HOST,
    port: config.PORT,
    adminPort: config.ADMIN_PORT,
    adminExtra: createViewsAdmin(clients.views),
    leave: eventStreams.leave,
    // All at once: they may be waiting for the hub.
    close: async () => void (await Promise.all([changed?.close(), clients.close()])),
  };
});
