import type { PublicEvent, RowChange } from '@portico/contracts/events/change-event.ts';
import { everythingChangedEvent } from '@portico/contracts/events/change-event.ts';
import type { DeclaredSource } from '@portico/contracts/events/declare-events.ts';
import { traceparentOf } from '@portico/runtime/database.ts';
import type { Answer } from '@portico/runtime/openapi-types.ts';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Migration } from 'kysely/migration';
import { toPostedEvents } from './posted-events.ts';

/** Makes the tables of an outbox in a service's own database. */
export const outboxMigration: Migration = {
  async up(db) {
    // One row: every commit that tells something takes its number here, and holds the row until it is over. So numbers
    // have no gap, and whoever sees one sees all below it.
    await sql`
      create table outbox_end (
        only_row boolean primary key default true check (only_row),
        log text not null default gen_random_uuid()::text,
        last bigint not null default 0
      )`.execute(db);
    await sql`insert into outbox_end default values`.execute(db);
    await sql`create table outbox (sequence bigint primary key, events text not null)`.execute(db);
  },
};

/** A commit that was not told yet. */
export interface UntoldCommit {
  readonly sequence: string;
  /** Its CloudEvents, as a JSON list. */
  readonly events: string;
}

/** What an outbox holds at one moment. */
export interface OutboxPage {
  readonly log: string;
  /** The number of the last commit of all. */
  readonly last: string;
  /** Epoch milliseconds: every commit of before is among those up to `last`. */
  readonly at: number;
  /** The first that were not told, in order. */
  readonly commits: readonly UntoldCommit[];
}

/** What a poster needs of a service's store. */
export interface OutboxPages {
  /** At least one commit where there is one, and no more than `mostBytes` besides it. */
  read(mostBytes: number): Promise<OutboxPage>;
  /** Lets go of the commits up to this number. */
  drop(sequence: string): Promise<void>;
  /**
   * Begins a new log if the last number of this one is below what was told of it already, which happens when the store was
   * restored from a copy.
   */
  renewIfBehind(log: string, told: string): Promise<boolean>;
}

/** The outbox of a service with a database. */
export interface Outbox extends OutboxPages {
  /**
   * Does the work of a command in one transaction, which also writes down the events of the changes that `tell` was given,
   * and names it in the answer: `Commit-Id: <service>:<number>`. A commit that changed nothing has the name of the last one.
   */
  answerCommit<Tables, Body>(
    db: Kysely<Tables>,
    work: (trx: Transaction<Tables>, tell: (change: RowChange) => void) => Promise<Answer<Body>>,
  ): Promise<Answer<Body>>;
  /** Begins a new log. For a service that did not tell what it committed: what the hub knows of it is not worth anything. */
  renew(): Promise<void>;
  /** Called after each commit that told something. */
  onCommit: (() => void) | undefined;
}

/** A commit with more bytes of events than this, or more events, is told as a change of everything. */
const mostBytesOfCommit = 256 * 1024;
const mostEvents = 10_000;

const oneAt = (time: string) => sql.raw(`floor(extract(epoch from ${time}) * 1000)::float8`);

/** @param db of the service, with the tables of `outboxMigration` */
export function createOutbox<Own>(db: Kysely<Own>, source: DeclaredSource): Outbox {
  const renewWhere = (condition: ReturnType<typeof sql>) =>
    db.transaction().execute(async (trx) => {
      const renewed = await sql`
        update outbox_end set log = gen_random_uuid()::text where ${condition}`.execute(trx);
      if (renewed.numAffectedRows === 0n) return false;
      await sql`delete from outbox`.execute(trx);
      return true;
    });

  const outbox: Outbox = {
    onCommit: undefined,

    answerCommit: async (of, work) => {
      let isTold = false;
      const answer = await of.transaction().execute(async (trx) => {
        const changes: RowChange[] = [];
        const answered = await work(trx, (change) => changes.push(change));
        const events = changes.flatMap((change) => source.toEvents(change)).map(inTraceOf(traceparentOf(of)));
        isTold = events.length > 0;
        const sequence = isTold ? await write(trx, source.source, events) : await lastOf(trx);
        return {
          ...answered,
          headers: { 'Commit-Id': `${source.source}:${sequence}`, ...answered.headers },
        };
      });
      if (isTold) outbox.onCommit?.();
      return answer;
    },

    read: async (mostBytes) => {
      // now() is when the statement's transaction began, before its snapshot.
      const { rows } = await sql<OutboxPage>`
        select log, last::text as last, ${oneAt('now()')} as at, coalesce((
          select json_agg(json_build_object('sequence', sequence::text, 'events', events) order by sequence) from (
            select sequence, events, sum(octet_length(events)) over (order by sequence) - octet_length(events) as before
              from (select * from outbox order by sequence limit 500) first
          ) sized where before < ${mostBytes}::integer
        ), '[]') as commits from outbox_end`.execute(db);
      return rows[0] as OutboxPage;
    },

    drop: async (sequence) => {
      await sql`delete from outbox where sequence <= ${sequence}::bigint`.execute(db);
    },

    renewIfBehind: (log, told) => renewWhere(sql`log = ${log} and last < ${told}::bigint`),
    renew: async () => void (await renewWhere(sql`true`)),
  };
  return outbox;
}

/** The end's row is locked first and the clock read then, so all that has a lower number was committed before that. */
async function write<Tables>(
  trx: Transaction<Tables>,
  source: string,
  events: readonly PublicEvent[],
): Promise<string> {
  const { rows } = await sql<{ log: string; sequence: string; at: number }>`
    update outbox_end set last = last + 1
    returning log, last::text as sequence, ${oneAt('clock_timestamp()')} as at`.execute(trx);
  const [place] = rows;
  if (place === undefined) throw new Error('the outbox has no end');
  const all = toText(source, place, events);
  const text =
    events.length > mostEvents || Buffer.byteLength(all) > mostBytesOfCommit
      ? toText(source, place, [everythingChangedEvent('too-large')])
      : all;
  await sql`insert into outbox (sequence, events) values (${place.sequence}::bigint, ${text})`.execute(trx);
  return place.sequence;
}

function toText(
  source: string,
  place: { log: string; sequence: string; at: number },
  events: readonly PublicEvent[],
) {
  const { log, sequence, at } = place;
  return JSON.stringify(toPostedEvents(source, { log, sequence }, at, events));
}

/** What does not say itself what it is a part of is a part of the request that it was done for. */
const inTraceOf =
  (traceparent: string | undefined) =>
  (event: PublicEvent): PublicEvent =>
    traceparent === undefined ? event : { traceparent, ...event };

async function lastOf<Tables>(trx: Transaction<Tables>): Promise<string> {
  const { rows } = await sql<{ last: string }>`select last::text as last from outbox_end`.execute(trx);
  return rows[0]?.last ?? '0';
}
