import { createRandomHex } from '@portico/runtime/random-hex.ts';
import pg from 'pg';
import { checkSource } from './check-source.ts';
import type { CaptureOptions } from './create-capture.ts';
import { sealed, withDatabase } from './create-capture.ts';
import { connectionTo, resnapshotLock } from './source-database.ts';
import { takeSnapshot } from './take-snapshot.ts';

/** How long it may take until who captures the source has let go of it. */
const placeTimeoutMs = 30_000;

/**
 * Begins a source anew: makes its slot again, and gives the hub all that the source holds. Whoever captures the source lets
 * go of it for that, and goes on after it. Resolves when the snapshot is complete.
 * @throws SourceProblem where the source can't be captured; any other error where it or the hub is away.
 */
export async function resnapshot(
  options: Omit<CaptureOptions, 'heartbeatMs' | 'retryMs'>,
  signal: AbortSignal,
): Promise<void> {
  const { source, databaseUrl, hub, log, metrics, newGeneration = createRandomHex(6) } = options;
  const onNotUnderstood = (error: unknown, table: string) => {
    metrics.notUnderstood();
    log.error({ err: error, source: source.source, table }, 'a row is not understood');
  };
  const client = new pg.Client({ ...connectionTo(databaseUrl), query_timeout: 10_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(`select pg_advisory_lock(${resnapshotLock})`);
    const place = AbortSignal.any([signal, AbortSignal.timeout(placeTimeoutMs)]);
    const writer = await hub.writer(source.source, place);
    try {
      await withDatabase(options, async (database) => {
        const server = await checkSource(source, databaseUrl, database);
        const sealing = await sealed({ ...options, database, writer });
        await takeSnapshot({
          ...options,
          database,
          server,
          writer: sealing,
          newGeneration,
          onNotUnderstood,
          signal,
        });
      });
    } finally {
      await writer.release();
    }
  } finally {
    await client.end().catch(() => {});
  }
}
