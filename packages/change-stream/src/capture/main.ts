import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { createLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { runProcess } from '@portico/runtime/run-process.ts';
import { createPostgresEventHub } from '../hub/postgres-event-hub.ts';
import { createCaptureMetrics } from './capture-metrics.ts';
import { readCaptureConfig } from './config.ts';
import { type Capture, createCapture } from './create-capture.ts';

await runProcess(() => {
  const config = readCaptureConfig(process.env);
  const log = createLogger({ name: 'capture', level: config.LOG_LEVEL });
  const metrics = createMetrics('capture');
  const metricsOf = createCaptureMetrics(metrics, Date.now);
  const hub = createPostgresEventHub({ url: config.HUB_URL, log });
  const captures = eventSources.flatMap((source) => {
    const databaseUrl = config.urlOf(source.source);
    if (databaseUrl === undefined) return [];
    return [createCapture({ source, databaseUrl, hub, log, metrics: metricsOf(source.source) })];
  });
  if (captures.length === 0) log.warn('no source is configured: there is nothing to capture');

  return {
    log,
    metrics,
    // Nothing is served to anyone but operators.
    handler: (_req, res) => void res.writeHead(404).end(),
    checks: () => Object.fromEntries(captures.map(checkOf)),
    host: '127.0.0.1',
    port: 0,
    adminPort: config.ADMIN_PORT,
    close: async () => {
      await Promise.all(captures.map((capture) => capture.close()));
      await hub.close();
    },
  };
});

/** A source is ready when it is followed, here or by another process. What isn't says in its name what to do. */
function checkOf({ source, state }: Capture): [string, () => Promise<void>] {
  const isReady = state.name === 'following' || state.name === 'standby';
  const check = isReady ? Promise.resolve() : Promise.reject(new Error(state.name));
  check.catch(() => {});
  return [isReady ? source : `${source}: ${state.problem ?? state.name}`, () => check];
}
