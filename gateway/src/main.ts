import { randomBytes } from 'node:crypto';
import { createLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { runProcess } from '@portico/runtime/run-process.ts';
import { readGatewayConfig } from './config.ts';
import { createGateway } from './create-gateway.ts';
import { readGatewayFile } from './table/read-gateway-file.ts';
import { type RouteTable, toRouteTable } from './table/route-table.ts';
import { watchFile } from './table/watch-file.ts';
import { checkUpstream } from './upstreams/check-upstream.ts';

await runProcess(() => {
  const config = readGatewayConfig(process.env);
  const log = createLogger({ name: 'gateway', level: config.LOG_LEVEL });
  const metrics = createMetrics('gateway');
  const viaName = `portico-${randomBytes(4).toString('hex')}`;
  const file = readGatewayFile(config.PORTICO_CONFIG, process.env);

  let table = toRouteTable(file);
  let gateway = createGateway({ table, log, metrics, viaName });
  const reload = () => {
    try {
      table = toRouteTable(readGatewayFile(config.PORTICO_CONFIG, process.env));
      // Requests under way end in the gateway that they began in; its unused connections end by themselves.
      gateway = createGateway({ table, log, metrics, viaName });
      log.info({ routes: table.routes.length }, 'a new gateway.yaml is in force');
    } catch (error) {
      log.error({ err: error }, 'the new gateway.yaml can not be used; nothing has changed');
    }
  };
  const endWatching = watchFile(config.PORTICO_CONFIG, reload);

  return {
    log,
    metrics,
    handler: (req, res) => gateway.handler(req, res),
    checks: () => checksOf(table),
    port: config.PORTICO_PORT ?? file.port,
    adminPort: config.PORTICO_ADMIN_PORT ?? file.adminPort,
    close: async () => {
      endWatching();
      gateway.close();
    },
  };
});

function checksOf({ upstreams }: RouteTable) {
  return Object.fromEntries(Object.entries(upstreams).map(([name, url]) => [name, checkUpstream(url)]));
}
