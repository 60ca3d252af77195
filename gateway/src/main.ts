import { randomBytes } from 'node:crypto';
import type { HealthChecks } from '@portico/runtime/health.ts';
import { createLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { runProcess } from '@portico/runtime/run-process.ts';
import { openTracing } from '@portico/runtime/tracing.ts';
import { Router } from 'express';
import { readGatewayConfig } from './config.ts';
import { createGateway } from './create-gateway.ts';
import { answerFields } from './middleware/security-fields.ts';
import { createRateLimits } from './rate-limit/rate-limits.ts';
import { createMemorySessionStore } from './session/memory-session-store.ts';
import { createRedisSessionStore } from './session/redis-session-store.ts';
import { createSessionAdmin } from './session/session-admin.ts';
import { createSessionMetrics } from './session/session-metrics.ts';
import { readGatewayFile } from './table/read-gateway-file.ts';
import { type RouteTable, toRouteTable } from './table/route-table.ts';
import { watchFile } from './table/watch-file.ts';
import { checkPort } from './upstreams/check-port.ts';
import { createUpstreamMetrics, summarizeUpstreams } from './upstreams/upstream-metrics.ts';
import { createOpenWebSockets } from './web-socket/open-web-sockets.ts';

await runProcess(async () => {
  const config = readGatewayConfig(process.env);
  const log = createLogger({ name: 'gateway', level: config.LOG_LEVEL });
  const metrics = createMetrics('gateway');
  const tracing = await openTracing('gateway', config, log);
  const viaName = `portico-${randomBytes(4).toString('hex')}`;
  const file = readGatewayFile(config.PORTICO_CONFIG, process.env);

  let table = toRouteTable(file);
  const upstreamMetrics = createUpstreamMetrics(metrics, () => gateway.status());
  const rateLimits = createRateLimits({ redisUrl: config.REDIS_URL, log, metrics });
  const openWebSockets = createOpenWebSockets();
  const secrets = [config.PORTICO_SESSION_SECRET, config.PORTICO_SESSION_SECRET_BEFORE];
  const sessions = {
    store:
      config.REDIS_URL === undefined
        ? createMemorySessionStore()
        : createRedisSessionStore({ url: config.REDIS_URL, log }),
    secrets: secrets.filter((secret) => secret !== undefined),
    metrics: createSessionMetrics(metrics),
  };
  const limits = {
    firstByteTimeoutMs: config.PORTICO_FIRST_BYTE_TIMEOUT_MS,
    idleTimeoutMs: config.PORTICO_IDLE_TIMEOUT_MS,
  };
  const gatewayFor = (table: RouteTable) =>
    createGateway({
      table,
      log,
      metrics,
      tracing,
      upstreamMetrics,
      rateLimits,
      openWebSockets,
      sessions,
      viaName,
      limits,
    });
  let gateway = gatewayFor(table);
  const reload = () => {
    try {
      const changed = toRouteTable(readGatewayFile(config.PORTICO_CONFIG, process.env));
      // Requests under way end in the gateway that they began in; its unused connections end by themselves.
      const before = gateway;
      gateway = gatewayFor(changed);
      table = changed;
      before.retire();
      log.info({ routes: table.routes.length }, 'a new gateway.yaml is in force');
    } catch (error) {
      log.error({ err: error }, 'the new gateway.yaml can not be used; nothing has changed');
    }
  };
  const endWatching = watchFile(config.PORTICO_CONFIG, reload);

  return {
    log,
    metrics,
    tracing,
    handler: (req, res) => gateway.handler(req, res),
    takesHandshakes: true,
    refusalFields: answerFields,
    headTimeoutMs: config.PORTICO_HEAD_TIMEOUT_MS,
    requestTimeoutMs: config.PORTICO_REQUEST_TIMEOUT_MS,
    checks: () => checksOf(table),
    degraded: () => [
      ...(rateLimits.isAsConfigured() ? [] : ['rate limits: Redis is away']),
      ...(table.oidc === undefined || sessions.store.isAvailable() ? [] : ['sessions: Redis is away']),
    ],
    port: config.PORTICO_PORT ?? file.port,
    adminPort: config.PORTICO_ADMIN_PORT ?? file.adminPort,
    summary: async () => ({ upstreams: await summarizeUpstreams(upstreamMetrics, gateway.status()) }),
    adminExtra: Router()
      .get('/upstreams', (_req, res) => {
        res.json(gateway.status());
      })
      .use(createSessionAdmin(() => gateway.endSessions)),
    leave: openWebSockets.leave,
    close: async () => {
      endWatching();
      gateway.close();
      rateLimits.close();
      sessions.store.close();
    },
  };
});

/** An upstream is there when one of its targets takes connections. */
function checksOf({ upstreams }: RouteTable): HealthChecks {
  const checks = Object.entries(upstreams).map(([name, { targets }]) => {
    const any = (signal: AbortSignal) => Promise.any(targets.map((url) => checkPort(url)(signal)));
    return [name, any] as const;
  });
  return Object.fromEntries(checks);
}
