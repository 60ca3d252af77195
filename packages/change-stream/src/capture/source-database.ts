import type { PersonsTable } from '@portico/contracts/events/change-event.ts';
import type { Logger } from '@portico/runtime/log.ts';
import pg from 'pg';
import { columnReader, sessionSettings } from './column-values.ts';
import { heartbeatPrefix } from './transaction-reader.ts';

export const publication = 'portico';

export interface Heartbeat {
  /** Tells the publication and its tables from any others, also of the same names. Null without a publication. */
  readonly fingerprint: string | null;
  /** Whether somebody waits to take a new snapshot. */
  readonly isAsked: boolean;
  /** The transaction id that comes next. */
  readonly nextXid: bigint;
}

/** The questions that capture asks a source's primary, on connections of their own beside the stream. */
export interface SourceDatabase {
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** How many of these transactions, from the first on, every new snapshot sees. */
  visible(xids: readonly bigint[]): Promise<number>;
  /** Writes a heartbeat into the log, unless the publication isn't the one with `fingerprint`. */
  heartbeat(fingerprint: string): Promise<Heartbeat>;
  fingerprint(): Promise<string | null>;
  close(): Promise<void>;
}

/**
 * Changes with anything that could have left out changes: another publication, a table that was taken out and put back or
 * made again, other kinds of changes. $1: the tables.
 */
const fingerprintSql = `(
  select substr(md5(concat_ws(' ', p.oid, p.xmin, (
    select string_agg(concat_ws(':', c.oid, r.oid, r.xmin), ' ' order by c.oid)
    from pg_publication_tables t
    join pg_class c on c.relname = t.tablename and c.relnamespace = 'public'::regnamespace
    left join pg_publication_rel r on r.prpubid = p.oid and r.prrelid = c.oid
    where t.pubname = p.pubname and t.schemaname = 'public' and t.tablename = any($1)
  ))), 1, 12) from pg_publication p where p.pubname = '${publication}')`;

/** The lock that somebody holds who wants to take a new snapshot; capture lets go of the source then. */
export const resnapshotLock = `hashtext('portico'), hashtext('resnapshot')`;
export const isAskedSql = `exists (
  select from pg_locks where locktype = 'advisory' and objsubid = 2
  and (classid, objid) = (hashtext('portico')::oid, hashtext('resnapshot')::oid)
  and database = (select oid from pg_database where datname = current_database()))`;

export async function openSourceDatabase(
  url: string,
  tables: readonly string[],
  log: Logger,
): Promise<SourceDatabase> {
  const pool = new pg.Pool({
    ...connectionTo(url),
    max: 3,
    statement_timeout: 10_000,
    query_timeout: 11_000,
  });
  pool.on('error', (error) => log.warn({ reason: error.message }, 'an idle connection to the source broke'));
  const query = async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) =>
    (await pool.query<Row>(text, [...values])).rows;
  try {
    const [server] = await query<{ version: number }>(
      `select current_setting('server_version_num')::int version`,
    );
    // Since 17 a message can be flushed at once; before, the server's writer does it within 200 ms.
    const flush = (server?.version ?? 0) >= 170_000 ? ', true' : '';
    return { query, ...questions(pool, tables, flush), close: () => pool.end() };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

/** Of each page. */
const mostForgotten = 10_000;

/** All customers that a source's table says are forgotten, in pages. */
export async function* forgottenIn(
  database: Pick<SourceDatabase, 'query'>,
  { table, columns }: PersonsTable,
): AsyncGenerator<string[]> {
  const [person, time] = [columns.id, columns.forgottenAt].map((column) => pg.escapeIdentifier(column));
  const page = `select ${person} as id from public.${pg.escapeIdentifier(table)}
    where ${time} is not null and ${person} > $1 order by ${person} limit ${mostForgotten}`;
  for (let after = ''; ; ) {
    const rows = await database.query<{ id: string }>(page, [after]);
    yield rows.map((row) => row.id);
    after = rows.at(-1)?.id ?? '';
    if (rows.length < mostForgotten) return;
  }
}

/** How every connection to a source is made. */
export function connectionTo(url: string) {
  return {
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    options: sessionSettings,
    application_name: 'portico-capture',
    types: { getTypeParser: columnReader } as pg.CustomTypesConfig,
  };
}

function questions(pool: pg.Pool, tables: readonly string[], flush: string) {
  const visibleSql = `select coalesce(min(n) filter (where not pg_visible_in_snapshot(xid::xid8, pg_current_snapshot())) - 1, count(*)) as visible
    from unnest($1::text[]) with ordinality as given (xid, n)`;
  // One statement, so one snapshot for all: what the heartbeat says is of the publication that was looked at.
  const heartbeatSql = `select fingerprint, ${isAskedSql} as asked, pg_snapshot_xmax(pg_current_snapshot())::text as next,
    case when fingerprint = $2 then pg_logical_emit_message(false, '${heartbeatPrefix}', concat_ws(' ',
      pg_snapshot_xmin(pg_current_snapshot()), floor(extract(epoch from statement_timestamp()) * 1000)::bigint)${flush}) end
    from (select ${fingerprintSql} as fingerprint) as published`;
  return {
    visible: async (xids: readonly bigint[]) => {
      const { rows } = await pool.query({ name: 'visible', text: visibleSql, values: [xids.map(String)] });
      return Number(rows[0]?.visible);
    },
    heartbeat: async (fingerprint: string) => {
      const values = [tables, fingerprint];
      const { rows } = await pool.query({ name: 'heartbeat', text: heartbeatSql, values });
      const [{ fingerprint: found, asked, next }] = rows as [
        { fingerprint: string | null; asked: boolean; next: string },
      ];
      return { fingerprint: found, isAsked: asked, nextXid: BigInt(next) };
    },
    fingerprint: async () => {
      const { rows } = await pool.query(`select ${fingerprintSql} as fingerprint`, [tables]);
      return rows[0]?.fingerprint ?? null;
    },
  };
}
