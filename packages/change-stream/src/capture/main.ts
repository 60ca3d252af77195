import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { createLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { runProcess } from '@portico/runtime/run-process.ts';
import { openTracing } from '@portico/runtime/tracing.ts';
import { createHubMetrics } from '../hub/hub-metrics.ts';
import { keepTrimmed } from '../hub/keep-trimmed.ts';
import { createPostgresEventHub } from '../hub/postgres-event-hub.ts';
import { createPersonalKeys } from '../personal/personal-keys.ts';
import { createEventPosts } from '../post/create-event-posts.ts';
import { createSourceInbox } from '../post/source-inbox.ts';
import { createCaptureMetrics } from './capture-metrics.ts';
import { readCaptureConfig } from './config.ts';
import { type Capture, createCapture } from './create-capture.ts';

await runProcess(async () => {
  const config = readCaptureConfig(process.env);
  const log = createLogger({ name: 'capture', level: config.LOG_LEVEL });
  const metrics = createMetrics('capture');
  const tracing = await openTracing('capture', config, log);
  const metricsOf = createCaptureMetrics(metrics, Date.now);
  const hub = createPostgresEventHub({ url: config.HUB_URL, log });
  createHubMetrics(metrics, { hub, log });
  const personalKeys = config.personal && createPersonalKeys({ ...config.personal, log });
  if (personalKeys === undefined) log.warn('PERSONAL_KEYS_URL is not set: personal fields are withheld');
  const captures = eventSources.flatMap((source) => {
    const databaseUrl = config.urlOf(source.source);
    if (databaseUrl === undefined) return [];
    const own = { source, databaseUrl, metrics: metricsOf(source.source) };
    return [createCapture({ ...own, hub, personalKeys, log, tracing })];
  });
  const posting = eventSources.flatMap((source) => {
    const secret = config.secretOf(source.source);
    if (secret === undefined) return [];
    const inbox = createSourceInbox({
      source,
      hub,
      personalKeys,
      log,
      metrics: metricsOf(source.source),
      tracing,
    });
    return [{ source, secret, inbox }];
  });
  const all: readonly Capture[] = [...captures, ...posting.map(({ inbox }) => inbox)];
  if (all.length === 0) log.warn('no source is configured: there is nothing to capture');
  const stopping = new AbortController();
  const trimming = keepTrimmed(
    {
      hub,
      keepMs: config.HUB_KEEP_DAYS * 24 * 60 * 60 * 1_000,
      isActive: () => all.some(({ state }) => state.name === 'following'),
      log,
    },
    stopping.signal,
  );

  return {
    log,
    metrics,
    tracing,
    handler: createEventPosts({ sources: posting, log, metrics, tracing }),
    checks: () => Object.fromEntries(all.map(checkOf)),
    states: () => Object.fromEntries(all.map(({ source, state }) => [source, state.name])),
    host: config.PORTICO_HOST,
    port: config.PORT,
    adminPort: config.ADMIN_PORT,
    close: async () => {
      stopping.abort();
      await Promise.all(all.map((capture) => capture.close()));
      // A long trim ends with its connection, and goes on at the next start.
      await hub.close();
      await personalKeys?.close();
      await trimming;
    },
  };
});

/** A source is ready when it is followed or its posts are taken, here or by another process. What isn't says in its name what to do. */
function checkOf({ source, state }: Capture): [string, () => Promise<void>] {
  const isReady = state.name === 'following' || state.name === 'standby';
  const check = isReady ? Promise.resolve() : Promise.reject(new Error(state.name));
  check.catch(() => {});
  return [isReady ? source : `${source}: ${state.problem ?? state.name}`, () => check];
}
