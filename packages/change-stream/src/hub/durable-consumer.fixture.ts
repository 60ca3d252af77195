/** A process with a durable consumer that writes down what it is given, for the tests that kill it. */
import { createDatabase } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { sql } from 'kysely';
import type { CursorTables } from './consumer-cursor.ts';
import { runDurableConsumer } from './durable-consumer.ts';
import { createPostgresEventHub } from './postgres-event-hub.ts';

const [hubUrl = '', url = '', leaseMs] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));

await runDurableConsumer(
  {
    name: 'notes',
    hub: createPostgresEventHub({ url: hubUrl, log: silentLogger }),
    db: createDatabase<CursorTables>(url, silentLogger),
    handle: async (records, trx) => {
      for (const { offset } of records) {
        await sql`insert into notes (at) values (${offset.at})`.execute(trx);
        // Here the transaction is open: a good moment to be killed.
        process.send?.(offset.at);
      }
    },
    reset: async () => {},
    log: silentLogger,
    leaseMs: Number(leaseMs),
  },
  new AbortController().signal,
);
