/** A process that captures the shop of the tests into the hub, and tells its parent each state that it is in. */
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { createPostgresEventHub } from '../hub/postgres-event-hub.ts';
import { createCaptureMetrics } from './capture-metrics.ts';
import { createCapture } from './create-capture.ts';
import { things } from './shop.fixture.ts';

const [hubUrl, databaseUrl, writerLeaseMs] = process.argv.slice(2).map(String);
const hub = createPostgresEventHub({
  url: String(hubUrl),
  log: silentLogger,
  writerLeaseMs: Number(writerLeaseMs),
});
createCapture({
  source: things,
  databaseUrl: String(databaseUrl),
  hub,
  log: silentLogger,
  metrics: {
    ...createCaptureMetrics(createMetrics('test'), Date.now)('things'),
    state: (name) => void process.send?.(name),
  },
  retryMs: 50,
});
process.on('disconnect', () => process.exit(0));
