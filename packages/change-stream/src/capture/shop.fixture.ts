import type { ColumnValue, EventSource, Row } from '@portico/contracts/events/change-event.ts';
import { type Logger, silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import pg from 'pg';
import type { EventHub } from '../hub/event-hub.ts';
import { createCaptureMetrics } from './capture-metrics.ts';
import { type Capture, type CaptureOptions, createCapture } from './create-capture.ts';

/** A service with one table, that says all of a row in public; a row with the text `unspeakable` has no events. */
export const things: EventSource = {
  source: 'things',
  tables: ['things'],
  toEvents: ({ before, after }) => {
    const [gone, there] = [before, after].map((row) => (row === null ? undefined : String(row.id)));
    if (after?.text === 'unspeakable') throw new Error('nothing can be said of this');
    if (gone !== undefined && there !== undefined && gone !== there) {
      return [changed(gone, before, null), changed(there, null, after)];
    }
    return [changed(String(there ?? gone), before, after)];
  },
  tagsOf: ({ key }) => [`thing:${key}`],
};

function changed(key: string, before: Row | null, after: Row | null) {
  return { type: 'thing-changed', key, data: { before, after } };
}

/** A source's database for a test: of its owner, and with the rights that capture has in production. */
export interface Shop {
  /** Capture's URL. */
  readonly url: string;
  /** Runs statements as the owner of the tables. */
  sql(text: string, values?: readonly unknown[]): Promise<Record<string, ColumnValue>[]>;
  /** Runs them as a superuser. */
  admin(text: string): Promise<Record<string, ColumnValue>[]>;
  capture(hub: Pick<EventHub, 'writer'>, options?: Partial<CaptureOptions>): Capture;
  captureOptions(hub: Pick<EventHub, 'writer'>): CaptureOptions;
  close(): Promise<void>;
}

export const shopTables = `
  create table things (id text primary key, value int not null default 0, text text, at timestamptz, big bigint, yes boolean, amount numeric);
  alter table things replica identity full;
  create publication portico for table things`;

/**
 * @param serverUrl the superuser's
 * @param ownerUrl of the database, with the role that owns it
 */
export async function openShop(serverUrl: string, ownerUrl: string, tables = shopTables): Promise<Shop> {
  const database = new URL(ownerUrl).pathname;
  const adminUrl = new URL(serverUrl);
  adminUrl.pathname = database;
  const captureUrl = new URL(adminUrl);
  captureUrl.username = `capture_of_${database.slice(1)}`;
  captureUrl.password = 'capture';
  const ask = (pool: pg.Pool) => async (text: string, values?: readonly unknown[]) =>
    (await pool.query(text, values && [...values])).rows;
  const pools = [ownerUrl, adminUrl.href].map((connectionString) => {
    const pool = new pg.Pool({ connectionString, max: 4 });
    pool.on('error', () => {});
    return pool;
  }) as [pg.Pool, pg.Pool];
  const [sql, admin] = [ask(pools[0]), ask(pools[1])];
  const role = captureUrl.username;
  await admin(`create role ${role} login replication password 'capture';
    grant connect on database ${database.slice(1)} to ${role};`);
  await sql(`alter default privileges grant select on tables to ${role}; ${tables}`);
  const captureOptions = (hub: Pick<EventHub, 'writer'>, log: Logger = silentLogger): CaptureOptions => {
    const metrics = createCaptureMetrics(createMetrics('test'), Date.now)('things');
    return { source: things, databaseUrl: captureUrl.href, hub, log, metrics, heartbeatMs: 20, retryMs: 20 };
  };
  return {
    url: captureUrl.href,
    sql,
    admin,
    captureOptions,
    capture: (hub, options) => createCapture({ ...captureOptions(hub), ...options }),
    close: async () => void (await Promise.all(pools.map((pool) => pool.end()))),
  };
}

/** Drops the slot, as a superuser; it is in use until PostgreSQL has noticed that whoever read it is gone. */
export const dropSlot = `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = 'portico_things' and active;
  do $$ begin while exists (select from pg_replication_slots where slot_name = 'portico_things' and active) loop perform pg_sleep(0.01); end loop; end $$;
  select pg_drop_replication_slot('portico_things');`;
