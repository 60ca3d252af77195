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
import { readWebConfig } from './config.ts';
import { createWebBff } from './create-web-bff.ts';

await runProcess(async () => {
  const config = readWebConfig(process.env);
  const log = createLogger({ name: 'web', level: config.LOG_LEVEL });
  const metrics = createMetrics('web');
  const tracing = await openTracing('web', config, log);
  const services = openShop(config, {
    name: 'web',
    history: config.LAKE_URL === undefined ? undefined : createLakeHistory(fileURLToPath(config.LAKE_URL)),
    log,
    metrics,
    tracing,
  });
  const eventStreams = createEventStreams({
    tracing,
    metrics,
    maxOpen: config.EVENT_STREAMS,
    maxOfClient: config.EVENT_STREAMS_OF_CLIENT,
  });

  return {
    log,
    metrics,
    tracing,
    handler: createWebBff({
      services,
      node: services.changes?.node,
      eventStreams,
      consistency: services.consistency,
      verifyToken: toTokenVerifier(config),
      log,
      metrics,
      tracing,
      timeoutMs: config.REQUEST_TIMEOUT_MS,
      demo: config.PORTICO_DEMO,
    }),
    // A service that is away costs the fields that come from it; an instance that stopped being ready for it would
    // cost all others too. Which service fails is in the metrics of the calls.
    checks: {},
    showsReadiness: true,
    host: config.PORTICO_HOST,
    port: config.PORT,
    adminPort: config.ADMIN_PORT,
    adminExtra: createViewsAdmin(services.views),
    leave: eventStreams.leave,
    close: () => services.close(),
  };
});
