import { setTimeout as delay } from 'node:timers/promises';
import {
  type ChangeCause,
  type EventSource,
  everythingChangedEvent,
  type PublicEvent,
  type Row,
} from '@portico/contracts/events/change-event.ts';
import type { Logger } from '@portico/runtime/log.ts';
import pg from 'pg';
import type { SourceWriter } from '../hub/event-hub.ts';
import type { ServerLog } from './check-source.ts';
import { parseLsn } from './log-position.ts';
import { freeSlot, type LogIdentity, logOf, slotName, snapshotLogOf } from './slot.ts';
import { connectionTo, publication, type SourceDatabase } from './source-database.ts';
import { SourceProblem } from './source-problem.ts';
import { toRecords } from './to-records.ts';

export interface SnapshotOptions {
  readonly source: EventSource;
  readonly databaseUrl: string;
  readonly database: SourceDatabase;
  readonly server: ServerLog;
  readonly writer: SourceWriter;
  readonly log: Logger;
  readonly newGeneration: () => string;
  readonly onNotUnderstood: (error: unknown, table: string) => void;
  readonly signal: AbortSignal;
}

const rowsPerBatch = 500;
/** Of one batch; the whole may take as long as it needs. */
const batchTimeoutMs = 60_000;

/**
 * Begins a source anew, with all that it holds:
 *  1. `snapshot-begun` goes to the hub. From here until the end the offsets are of a log of their own, so that whoever finds
 *     one of them as the last knows that the snapshot was broken off, and takes another.
 *  2. The slot is dropped and made again, which exports a snapshot of exactly what lies before it.
 *  3. All rows of that snapshot go to the hub, as events of new rows.
 *  4. A slot's snapshot also holds commits that nobody else can see yet: wait until they can.
 *  5. `snapshot-ended` goes to the hub, at the place in the source's log where the slot begins.
 */
export async function takeSnapshot(options: SnapshotOptions): Promise<LogIdentity> {
  const { source, databaseUrl, database, server, signal, log } = options;
  const fingerprint = await database.fingerprint();
  if (fingerprint === null) throw new Error('the publication was dropped');
  const identity = { ...server, generation: options.newGeneration(), fingerprint };
  const append = appender(options, identity, await clockOf(database));

  await append.marker('snapshot-begun', '0');
  await freeSlot(source.source, database, signal);
  log.info(
    { source: source.source },
    'taking a snapshot; it begins when the running transactions have ended',
  );
  const slot = await createSlot(source.source, databaseUrl, database, signal);
  let rows = 0;
  let snapshot: Snapshot | undefined;
  try {
    snapshot = await openSnapshot(databaseUrl, slot.snapshotName);
    await slot.close();
    for (const table of source.tables) {
      for await (const batch of readTable(snapshot.client, database, table, signal)) {
        rows += batch.length;
        await append.rows(table, batch);
      }
    }
    while (!(await isVisible(database, snapshot.transactions))) await delay(5, undefined, { signal });
    await append.end(parseLsn(slot.consistentPoint), snapshot.xmin);
  } finally {
    await slot.close();
    await snapshot?.client.end().catch(() => {});
  }
  log.info({ source: source.source, rows }, 'the snapshot is complete');
  return identity;
}

async function clockOf(database: SourceDatabase): Promise<number> {
  const [clock] = await database.query<{ ms: number }>(
    'select floor(extract(epoch from statement_timestamp()) * 1000)::bigint as ms',
  );
  return Number(clock?.ms);
}

/** Gives the snapshot's records to the hub. None has a transaction of its own: their xid is 0, which is nobody's. */
function appender(
  { source, writer, onNotUnderstood }: SnapshotOptions,
  identity: LogIdentity,
  takenAt: number,
) {
  const snapshotLog = snapshotLogOf(identity);
  let last = 0n;
  const eventsOf = (table: string, row: Row): readonly PublicEvent[] => {
    try {
      return source.toEvents({ table, before: null, after: row });
    } catch (error) {
      onNotUnderstood(error, table);
      return [everythingChangedEvent('not-understood')];
    }
  };
  const toBatch = (log: string, at: bigint, plain: readonly PublicEvent[]) => {
    // What made these things is long over, and no trace goes on with them.
    const events = plain.map(({ type, key, data }, index) => {
      return { id: `${log}.${at}.${index}`, type, key, data };
    });
    const sizes = events.map((event) => Buffer.byteLength(JSON.stringify(event)));
    return toRecords(source.source, log, {
      kind: 'transaction',
      at,
      xid: 0n,
      committedAt: takenAt,
      events,
      sizes,
    });
  };
  const progress = (log: string, at: bigint, xmin: string) => {
    return { offset: { log, at: String(at) }, xmin, committedAt: takenAt };
  };
  return {
    marker: async (cause: ChangeCause, xmin: string) => {
      last += 1n;
      const records = toBatch(snapshotLog, last, [everythingChangedEvent(cause)]);
      await writer.append(records, progress(snapshotLog, last, xmin));
    },
    rows: async (table: string, rows: readonly Row[]) => {
      last += 1n;
      const events = rows.flatMap((row) => eventsOf(table, row));
      if (events.length > 0) await writer.append(toBatch(snapshotLog, last, events));
    },
    end: async (at: bigint, xmin: string) => {
      const log = logOf(identity);
      const records = toBatch(log, at, [everythingChangedEvent('snapshot-ended')]);
      await writer.append(records, progress(log, at, xmin));
    },
  };
}

interface NewSlot {
  readonly snapshotName: string;
  readonly consistentPoint: string;
  close(): Promise<void>;
}

/** The snapshot can be opened until `close`. */
async function createSlot(
  source: string,
  databaseUrl: string,
  database: SourceDatabase,
  signal: AbortSignal,
): Promise<NewSlot> {
  const slot = slotName(source);
  await database.query(
    'select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1',
    [slot],
  );
  const client = new pg.Client({ ...connectionTo(databaseUrl), replication: 'database' } as pg.ClientConfig);
  client.on('error', () => {});
  const close = () => client.end().catch(() => {});
  signal.addEventListener('abort', close, { once: true });
  try {
    await client.connect();
    const { rows } = await client.query(
      `CREATE_REPLICATION_SLOT "${slot}" LOGICAL pgoutput (SNAPSHOT 'export')`,
    );
    return { snapshotName: rows[0].snapshot_name, consistentPoint: rows[0].consistent_point, close };
  } catch (error) {
    await close();
    throw slotFailure(error);
  }
}

function slotFailure(error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string };
  if (code !== '53400') return error;
  return new SourceProblem(
    `no slot can be made: ${message}`,
    'raise max_replication_slots, then restart PostgreSQL',
  );
}

interface Snapshot {
  readonly client: pg.Client;
  readonly xmin: string;
  /** As pg_current_snapshot() gives it. */
  readonly transactions: string;
}

async function openSnapshot(databaseUrl: string, name: string): Promise<Snapshot> {
  const client = new pg.Client({ ...connectionTo(databaseUrl), query_timeout: batchTimeoutMs });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('begin isolation level repeatable read read only');
    await client.query(`set transaction snapshot ${client.escapeLiteral(name)}`);
    // With it on, a policy would leave out rows; so it fails instead.
    await client.query('set local row_security = off');
    const { rows } = await client.query(
      `select pg_current_snapshot()::text as transactions, pg_snapshot_xmin(pg_current_snapshot())::text as xmin`,
    );
    return { client, ...rows[0] };
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

/** The published columns of all rows, a batch at a time. */
async function* readTable(
  client: pg.Client,
  database: SourceDatabase,
  table: string,
  signal: AbortSignal,
): AsyncGenerator<Row[]> {
  const [columns] = await database.query<{ list: string }>(
    `select string_agg(quote_ident(name), ', ') as list from pg_publication_tables, unnest(attnames) as name
     where pubname = $1 and schemaname = 'public' and tablename = $2`,
    [publication, table],
  );
  const from = `public.${client.escapeIdentifier(table)}`;
  await client.query(`declare snapshot_rows no scroll cursor for select ${columns?.list} from ${from}`);
  for (;;) {
    signal.throwIfAborted();
    const { rows } = await client.query(`fetch ${rowsPerBatch} from snapshot_rows`);
    if (rows.length === 0) break;
    yield rows;
  }
  await client.query('close snapshot_rows');
}

/** Whether every new snapshot sees all that this one sees. */
async function isVisible(database: SourceDatabase, transactions: string): Promise<boolean> {
  const [found] = await database.query<{ visible: boolean }>(
    `select pg_snapshot_xmax(present) >= pg_snapshot_xmax(taken) and not exists (
       select from pg_snapshot_xip(present) as running
       where running < pg_snapshot_xmax(taken) and running not in (select pg_snapshot_xip(taken))) as visible
     from (select pg_current_snapshot() as present, $1::pg_snapshot as taken) as both_snapshots`,
    [transactions],
  );
  return found?.visible === true;
}
