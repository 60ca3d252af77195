import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { recordColumns } from './log-page.ts';

/** The tables of the hub's own database, as far as queries are typed; appending is a function of the database. */
export interface HubTables {
  hub: { epoch: string; first_number: number };
  log_end: { last_number: number };
  records: { number: number; committed_at: number };
  consumers: { name: string; epoch: string; number: number };
}

/** Heard by everyone who follows the log: what is new, or nothing, and then they read it. */
export const channel = 'portico_hub';

/** SQLSTATEs that `append_records` raises. */
export const sqlStates = { notTheWriter: 'PH001', otherLog: 'PH002' } as const;

/** By name; they run once each, in the order of their names. */
export const migrations: Record<string, Migration> = {
  '001-log': {
    async up(db) {
      await sql`
        create table hub (
          only_row boolean primary key default true check (only_row),
          epoch text not null default replace(gen_random_uuid()::text, '-', ''),
          first_number bigint not null default 1
        )`.execute(db);
      await sql`insert into hub default values`.execute(db);
      // By itself, as every append locks it: what locks the row of the hub must not keep appends waiting.
      await sql`
        create table log_end (
          only_row boolean primary key default true check (only_row),
          last_number bigint not null default 0
        ) with (fillfactor = 10)`.execute(db);
      await sql`insert into log_end default values`.execute(db);
      await sql`
        create table records (
          number bigint primary key,
          mark uuid not null default gen_random_uuid(),
          source text not null,
          log text not null,
          log_at numeric not null,
          xid numeric not null,
          committed_at bigint not null,
          part integer,
          parts integer,
          bytes integer not null,
          events json not null
        )`.execute(db);
      await sql`
        create table sources (
          source text primary key,
          writer uuid,
          lease_until timestamptz not null,
          log text,
          log_at numeric,
          progress_log text,
          progress_at numeric,
          progress_xmin numeric,
          progress_committed_at bigint,
          progress_number bigint
        ) with (fillfactor = 50)`.execute(db);
      await sql`
        create table consumers (
          name text primary key,
          epoch text not null,
          number bigint not null
        )`.execute(db);
    },
  },
  '002-append-tells': {
    async up(db) {
      await sql.raw(appendFunction).execute(db);
    },
  },
};

/** Of a notification, in bytes: PostgreSQL takes less than 8,000. */
const maxToldBytes = 7_900;

/**
 * One call, one transaction, no round trip while the end of the log is locked: a writer that is paused can't hold up the
 * others. The lock on the row of the end is held until the commit is visible, so whoever sees a number sees all below it.
 */
const appendFunction = `
  create or replace function append_records(
    of_source text, by_writer uuid, lease interval, of_log text, begins_log boolean,
    offsets numeric[], xids numeric[], times bigint[], part_numbers integer[], part_counts integer[], contents text[],
    new_offset numeric, new_xmin numeric, new_time bigint
  ) returns void language plpgsql as $$
  declare
    held sources;
    stored numeric;
    added bigint;
    ending bigint;
    told text;
  begin
    perform set_config('synchronous_commit', 'on', true);
    select * into held from sources where source = of_source for update;
    if held.writer is distinct from by_writer then
      raise exception 'somebody else appends for %', of_source using errcode = '${sqlStates.notTheWriter}';
    end if;
    if held.log <> of_log and not begins_log then
      raise exception 'the offsets of % are of another log', of_source using errcode = '${sqlStates.otherLog}';
    end if;
    stored := case when held.log = of_log then held.log_at else -1 end;
    select count(*) into added from unnest(offsets) new where new > stored;
    if added > 0 then
      update log_end set last_number = last_number + added returning last_number into ending;
    else
      select last_number into ending from log_end;
    end if;
    insert into records (number, source, log, log_at, xid, committed_at, part, parts, bytes, events)
      select ending - added + row_number() over (order by nth), of_source, of_log, new_at, new_xid, new_ms, new_part,
          new_parts, octet_length(content), content::json
        from unnest(offsets, xids, times, part_numbers, part_counts, contents)
          with ordinality as new (new_at, new_xid, new_ms, new_part, new_parts, content, nth)
        where new_at > stored;
    update sources set
        lease_until = clock_timestamp() + lease,
        log = of_log,
        log_at = greatest(stored, (select max(new) from unnest(offsets) new), new_offset)
      where source = of_source;
    if new_offset >= stored then
      update sources set progress_log = of_log, progress_at = new_offset, progress_xmin = new_xmin,
          progress_committed_at = new_time, progress_number = ending
        where source = of_source;
    end if;
    if added > 0 and new_offset is null and octet_length(array_to_string(contents, '')) < ${maxToldBytes} then
      select json_build_object(
          'epoch', epoch, 'after', ending - added, 'mark', (select mark from records where number = ending - added),
          'records', (
            select json_agg(new order by number)
            from (select ${recordColumns} from records where number > ending - added) new)
        )::text into told
        from hub;
    end if;
    perform pg_notify('${channel}', case when octet_length(told) <= ${maxToldBytes} then told else '' end);
  end $$`;
