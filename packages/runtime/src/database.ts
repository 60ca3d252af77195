import { setTimeout as delay } from 'node:timers/promises';
import { Kysely, type LogEvent, PostgresDialect, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import pg from 'pg';
import type { Logger } from './log.ts';
import { Problem } from './problems.ts';
import type { Tracing } from './tracing.ts';

// int8 as a number: what the services count stays far below 2^53. (The pool takes its own parsers; pg's are global.)
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
};

/**
 * A typed connection pool on one service's own database. A connection is had within a second or not at all, and a
 * statement runs for at most five. What it runs for a request is part of the request's trace.
 */
export function createDatabase<Tables>(
  url: string,
  log: Logger,
  tracing?: Tracing | undefined,
): Kysely<Tables> {
  const pool = new pg.Pool({
    connectionString: url,
    types: types as pg.CustomTypesConfig,
    max: 10,
    connectionTimeoutMillis: 1_000,
    statement_timeout: 5_000,
    query_timeout: 6_000,
  });
  // An idle connection that breaks is replaced at its next use; without a listener it would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection broke'));
  const dialect = new PostgresDialect({ pool });
  if (tracing === undefined) return new Kysely<Tables>({ dialect });
  return new Kysely<Tables>({ dialect, log: recordQueries(new URL(url), tracing) });
}

function recordQueries(database: URL, tracing: Tracing): (event: LogEvent) => void {
  return (event) => {
    const { sql } = event.query;
    const error = event.level === 'error' ? event.error : undefined;
    tracing.recordQuery({ database, sql, durationMs: event.queryDurationMillis, error });
  };
}

/** Brings the schema up to date, waiting up to `waitMs` for a database that is still starting. */
export async function migrateToLatest<Tables>(
  db: Kysely<Tables>,
  migrations: Readonly<Record<string, Migration>>,
  waitMs = 10_000,
): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  for (let waitedMs = 0; ; waitedMs += 250) {
    const { error } = await migrator.migrateToLatest();
    if (error === undefined) return;
    if (!isConnectionFailure(error) || waitedMs >= waitMs) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`the database can not be used: ${reason}`, { cause: error });
    }
    await delay(250);
  }
}

/** Rejects when the database doesn't answer. */
export async function checkDatabase<Tables>(db: Kysely<Tables>): Promise<void> {
  await sql`select 1`.execute(db);
}

/** The problem that a database error stands for: `unavailable` where the database is away, else the error itself. */
export function databaseProblem(error: unknown): unknown {
  if (!isConnectionFailure(error)) return error;
  return new Problem('unavailable', 'The data of this service can not be reached at the moment.', {
    cause: error,
  });
}

function isConnectionFailure(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  // Node's socket errors, and classes 08 (connection), 57P (shutdown, crash, starting up) and 53300 of PostgreSQL.
  const byCode = typeof code === 'string' && /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|08|57P|53300)/.test(code);
  return byCode || /timeout|terminated|Connection ended/i.test(String(message));
}
