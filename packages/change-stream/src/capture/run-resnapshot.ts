import { eventSource } from '@portico/contracts/events/event-sources.ts';
import { createLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { createPostgresEventHub } from '../hub/postgres-event-hub.ts';
import { createPersonalKeys } from '../personal/personal-keys.ts';
import { createCaptureMetrics } from './capture-metrics.ts';
import { readCaptureConfig } from './config.ts';
import { resnapshot } from './resnapshot.ts';
import { SourceProblem } from './source-problem.ts';

/**
 * `portico capture resnapshot <service>`, with the settings of capture itself.
 * @throws Error with one line that says what to do
 */
export async function runResnapshot(service: string, env: NodeJS.ProcessEnv): Promise<void> {
  const source = eventSource(service);
  const config = readCaptureConfig(env);
  const databaseUrl = config.urlOf(service);
  if (databaseUrl === undefined) throw new Error(`CAPTURE_${service.toUpperCase()}_URL is not set`);

  const log = createLogger({ name: 'resnapshot', level: config.LOG_LEVEL });
  const metrics = createCaptureMetrics(createMetrics('resnapshot'), Date.now)(service);
  const hub = createPostgresEventHub({ url: config.HUB_URL, log });
  const personalKeys = config.personal && createPersonalKeys({ ...config.personal, log });
  const stopping = new AbortController();
  const stop = () =>
    stopping.abort(new Error('stopped; the snapshot is taken again by whoever captures next'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  try {
    await resnapshot({ source, databaseUrl, hub, personalKeys, log, metrics }, stopping.signal);
  } catch (error) {
    if (error instanceof SourceProblem) throw new Error(`${error.message}; ${error.cure}`, { cause: error });
    throw error;
  } finally {
    await hub.close();
    await personalKeys?.close();
  }
}
