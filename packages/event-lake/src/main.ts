import { join } from 'node:path';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { takeDataLock } from '@portico/runtime/data-lock.ts';
import { createHttpApp } from '@portico/runtime/http-app.ts';
import { createLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { runProcess } from '@portico/runtime/run-process.ts';
import { readWriterConfig } from './config.ts';
import { openLakeForWriting } from './lake.ts';
import { createLakeMetrics } from './lake-metrics.ts';
import { writeLake } from './write-lake.ts';

/** How long a writer that is on its way out is waited for, in milliseconds. */
const lockWaitMs = 2_000;

await runProcess(async () => {
  const config = readWriterConfig(process.env);
  const log = createLogger({ name: 'lake', level: config.LOG_LEVEL });
  const metrics = createMetrics('lake');
  // The kernel's, so that it ends with its process and not before: two writers would write over each other's segments.
  const lock = await takeDataLock(join(config.dir, 'writer.lock'), { waitMs: lockWaitMs });
  const lake = await openLakeForWriting(config.dir);
  const hub = createPostgresEventHub({ url: config.HUB_URL, log });
  const stopping = new AbortController();
  let problem: string | undefined;
  const writing = writeLake(
    {
      hub,
      lake,
      maxBytes: config.LAKE_SEGMENT_MB * 1_000_000,
      maxAgeMs: config.LAKE_SEGMENT_SECONDS * 1_000,
      log,
      onSealed: createLakeMetrics(metrics),
      onProblem: (found) => {
        problem = found;
      },
    },
    stopping.signal,
  );
  return {
    log,
    metrics,
    // Nothing is asked of it but on its admin port.
    handler: createHttpApp({ log, metrics, timeoutMs: 1_000 }, () => {}),
    checks: () => (problem === undefined ? {} : { [problem]: () => Promise.reject(new Error(problem)) }),
    host: '127.0.0.1',
    port: 0,
    adminPort: config.ADMIN_PORT,
    close: async () => {
      stopping.abort();
      await writing;
      await hub.close();
      lake.manifest.close();
      lock.release();
    },
  };
});
