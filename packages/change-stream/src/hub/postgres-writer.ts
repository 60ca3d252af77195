import { setTimeout as delay } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { checkAppend } from './check-append.ts';
import {
  type NewProgress,
  type NewRecord,
  NotTheWriter,
  OtherLog,
  type SourceOffset,
  type SourceWriter,
} from './event-hub.ts';
import { type HubTables, sqlStates } from './hub-database.ts';

/** A writer's place is looked for so many times in a lease, and held by saying so as often. */
const looksPerLease = 8;

export interface PlaceOptions {
  readonly db: Kysely<HubTables>;
  readonly source: string;
  readonly leaseMs: number;
  /** Nobody holds a place after it. */
  readonly closing: AbortSignal;
}

interface Place {
  readonly writer: string;
  readonly stored: SourceOffset | undefined;
}

/**
 * Takes the writer's place of a source as soon as its lease is over: at once after a release, at the latest a lease after
 * its holder stopped working, for whatever reason. A lease is only for politeness: what keeps the earlier holder from
 * appending is that every append compares the holder's random id, under the lock of the source's row.
 */
export async function takeWriterPlace(
  { db, source, leaseMs, closing }: PlaceOptions,
  signal: AbortSignal,
): Promise<SourceWriter> {
  for (;;) {
    signal.throwIfAborted();
    const place = await tryTake(db, source, leaseMs);
    if (place !== undefined) return createWriter({ db, source, leaseMs, closing }, place);
    await delay(leaseMs / looksPerLease, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

const lease = (leaseMs: number) => sql`make_interval(secs => ${leaseMs}::float8 / 1000)`;

async function tryTake(db: Kysely<HubTables>, source: string, leaseMs: number): Promise<Place | undefined> {
  const { rows } = await sql<{ writer: string; log: string | null; at: string | null }>`
    insert into sources (source, writer, lease_until)
    values (${source}, gen_random_uuid(), clock_timestamp() + ${lease(leaseMs)})
    on conflict (source) do update set writer = excluded.writer, lease_until = excluded.lease_until
      where sources.lease_until < clock_timestamp()
    returning writer, log, log_at::text as at`.execute(db);
  const row = rows[0];
  if (row === undefined) return undefined;
  const { writer, log, at } = row;
  return { writer, stored: log === null || at === null ? undefined : { log, at } };
}

function createWriter(
  { db, source, leaseMs, closing }: PlaceOptions,
  { writer, stored }: Place,
): SourceWriter {
  let released = false;
  let appending = false;
  /** Whether an append has held the place since it was looked at last. */
  let appended = false;
  let saying = false;
  // What fails here shows in the next append.
  const holding = setInterval(() => void hold().catch(() => {}), leaseMs / looksPerLease);
  closing.addEventListener('abort', () => clearInterval(holding), { once: true });

  async function hold(): Promise<void> {
    const isHeld = appended;
    appended = false;
    // An append says it too, and what waits for a database that hangs would only take its connections.
    if (isHeld || appending || saying) return;
    saying = true;
    const said = sql`
      update sources set lease_until = clock_timestamp() + ${lease(leaseMs)}
      where source = ${source} and writer = ${writer}`.execute(db);
    await said.finally(() => {
      saying = false;
    });
  }

  async function append(records: readonly NewRecord[], progress?: NewProgress): Promise<void> {
    if (released) throw new NotTheWriter(`the writer of ${source} was released`);
    if (appending) throw new Error(`an append of ${source} is still under way`);
    const checked = checkAppend(source, records, progress);
    if (checked === undefined) return;
    appending = true;
    try {
      await sql`select append_records(
        ${source}, ${writer}, ${lease(leaseMs)}, ${checked.log}, ${checked.beginsLog},
        ${records.map(({ offset }) => offset.at)}, ${records.map(({ xid }) => xid)},
        ${records.map(({ committedAt }) => committedAt)},
        ${records.map(({ part }) => part?.number ?? null)}, ${records.map(({ part }) => part?.of ?? null)},
        ${records.map(({ events }) => JSON.stringify(events))},
        ${progress?.offset.at ?? null}, ${progress?.xmin ?? null}, ${progress?.committedAt ?? null})`.execute(
        db,
      );
      appended = true;
    } catch (error) {
      throw refusal(error);
    } finally {
      appending = false;
    }
  }

  async function release(): Promise<void> {
    released = true;
    clearInterval(holding);
    await sql`
      update sources set writer = null, lease_until = '-infinity'
      where source = ${source} and writer = ${writer}`.execute(db);
  }

  return { stored, append, release };
}

function refusal(error: unknown): unknown {
  const { code, message } = error as { code?: string; message: string };
  if (code === sqlStates.notTheWriter) return new NotTheWriter(message, { cause: error });
  if (code === sqlStates.otherLog) return new OtherLog(message, { cause: error });
  return error;
}
