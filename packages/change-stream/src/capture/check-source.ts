import type { EventSource } from '@portico/contracts/events/change-event.ts';
import pg from 'pg';
import { connectionTo, publication, type SourceDatabase } from './source-database.ts';
import { SourceProblem } from './source-problem.ts';

/** Which server's log it is: offsets of others can't be compared with it. */
export interface ServerLog {
  readonly systemId: string;
  readonly timeline: string;
}

/**
 * Whether a source's database can be captured without leaving anything out: a primary with logical decoding, whose
 * publication has every declared table, with all kinds of changes, all rows, and whole rows.
 * @throws SourceProblem naming the first thing that is wrong
 */
export async function checkSource(
  source: EventSource,
  databaseUrl: string,
  database: SourceDatabase,
): Promise<ServerLog> {
  await checkServer(database);
  const server = await identifyServer(databaseUrl);
  await checkPublication(source, database);
  await checkTables(source, database);
  return server;
}

async function checkServer(database: SourceDatabase): Promise<void> {
  const [server] = await database.query<{ level: string; standby: boolean }>(
    `select current_setting('wal_level') as level, pg_is_in_recovery() as standby`,
  );
  if (server?.standby !== false) {
    throw new SourceProblem('the database is a standby', 'give capture the URL of the primary');
  }
  if (server.level !== 'logical') {
    throw new SourceProblem(
      `wal_level is ${server.level}`,
      `alter system set wal_level = logical, then restart PostgreSQL`,
    );
  }
}

/** Connects as a replica does, so it also tries whether the role may. */
async function identifyServer(databaseUrl: string): Promise<ServerLog> {
  const config = { ...connectionTo(databaseUrl), replication: 'database', query_timeout: 10_000 };
  const client = new pg.Client(config);
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query('IDENTIFY_SYSTEM');
    return { systemId: String(rows[0].systemid), timeline: String(rows[0].timeline) };
  } finally {
    await client.end().catch(() => {});
  }
}

async function checkPublication({ tables }: EventSource, database: SourceDatabase): Promise<void> {
  const [found] = await database.query<{ all: boolean }>(
    `select pubinsert and pubupdate and pubdelete and pubtruncate as all from pg_publication where pubname = $1`,
    [publication],
  );
  const list = tables.join(', ');
  if (found === undefined) {
    const cure = `create publication ${publication} for table ${list} (the service's migrations do it)`;
    throw new SourceProblem(`there is no publication "${publication}"`, cure);
  }
  if (!found.all) {
    throw new SourceProblem(
      `the publication "${publication}" leaves out kinds of changes`,
      `alter publication ${publication} set (publish = 'insert, update, delete, truncate')`,
    );
  }
}

interface TableState {
  readonly table: string;
  readonly published: boolean;
  readonly filtered: boolean;
  readonly identity: string | null;
  readonly readable: boolean | null;
}

async function checkTables({ tables }: EventSource, database: SourceDatabase): Promise<void> {
  const states = await database.query<TableState>(
    `select given.name as table, t.tablename is not null as published, t.rowfilter is not null as filtered,
       c.relreplident as identity, has_table_privilege(c.oid, 'select') as readable
     from unnest($1::text[]) as given (name)
     left join pg_class c on c.relname = given.name and c.relnamespace = 'public'::regnamespace
     left join pg_publication_tables t on t.pubname = $2 and t.schemaname = 'public' and t.tablename = given.name`,
    [tables, publication],
  );
  for (const state of states) checkTable(state);
}

function checkTable({ table, published, filtered, identity, readable }: TableState): void {
  if (!published) {
    const cure = `alter publication ${publication} add table ${table}`;
    throw new SourceProblem(`the publication "${publication}" lacks the table ${table}`, cure);
  }
  if (filtered) {
    const cure = `alter publication ${publication} set table ${table}`;
    throw new SourceProblem(`the publication "${publication}" filters the rows of ${table}`, cure);
  }
  if (identity !== 'f') {
    const cure = `alter table ${table} replica identity full`;
    throw new SourceProblem(`the log lacks whole rows of the table ${table}`, cure);
  }
  if (readable !== true) {
    throw new SourceProblem(
      `capture may not read the table ${table}`,
      `grant select on ${table} to its role`,
    );
  }
}
