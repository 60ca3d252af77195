/** A process that appends for one source without end, for the tests that kill or pause it; it reports how it ended. */
import { silentLogger } from '@portico/runtime/log.ts';
import { recordAt } from './event-hub.contract.ts';
import { createPostgresEventHub } from './postgres-event-hub.ts';

const [url = '', source = ''] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));

const hub = createPostgresEventHub({ url, log: silentLogger });
const writer = await hub.writer(source, new AbortController().signal);
try {
  for (let at = 1; ; at += 1) {
    await writer.append([recordAt(source, at)]);
    process.send?.({ appended: at });
  }
} catch (error) {
  process.send?.({ ended: (error as Error).name });
}
