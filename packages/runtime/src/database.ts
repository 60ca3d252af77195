import { setTimeout as delay } from 'node:timers/promises';
import { Kysely, type KyselyConfig, type LogEvent, PostgresDialect, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import pg from 'pg';
import type { Logger } from './log.ts';
import { Problem } from './problems.ts';
import { connectionsUntil } from './request-connections.ts';
import type { RequestContext } from './request-context.ts';
import type { Tracing } from './tracing.ts';

// int8 as a number: what the services count stays far below 2^53. (The pool takes its own parsers; pg's are global.)
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
};

/** Limits of every connection. */
const limits = { connectionTimeoutMillis: 1_000, statement_timeout: 5_000, query_timeout: 6_000 };

/** The request that work is done for. */
export type ForRequest = Pick<RequestContext, 'signal' | 'traceparent'>;

/**
 * A service's own database. A connection is had within a second or not at all, and a statement runs for at most five. What
 * is asked of it directly ends by itself: that is for what no request waits for.
 */
export class Database<Tables> extends Kysely<Tables> {
  readonly #pool: pg.Pool;
  /** A connection of its own: those of the pool may all be at work when there is most to cancel. */
  readonly #cancelling: pg.Pool;
  readonly #record: (event: LogEvent, traceparent: string) => void;

  constructor(pool: pg.Pool, cancelling: pg.Pool, record: (event: LogEvent, traceparent: string) => void) {
    super({ dialect: new PostgresDialect({ pool }) });
    this.#pool = pool;
    this.#cancelling = cancelling;
    this.#record = record;
  }

  /** The same database, for work that ends with a request, in the database as well, and is part of its trace. */
  during({ signal, traceparent }: ForRequest): Kysely<Tables> {
    const pool = connectionsUntil(signal, this.#pool, (pid) =>
      this.#cancelling.query('select pg_cancel_backend($1)', [pid]),
    );
    const log = (event: LogEvent) => this.#record(event, traceparent);
    return new RequestDatabase<Tables>({ dialect: new PostgresDialect({ pool }), log }, traceparent);
  }

  override async destroy(): Promise<void> {
    await super.destroy();
    // As the other one, which may be destroyed twice.
    if (!this.#cancelling.ending) await this.#cancelling.end();
  }
}

/** A database as one request sees it. */
class RequestDatabase<Tables> extends Kysely<Tables> {
  readonly traceparent: string;

  constructor(config: KyselyConfig, traceparent: string) {
    super(config);
    this.traceparent = traceparent;
  }
}

/** W3C Trace Context of the request that a database was made for by `during`; undefined for any other. */
export function traceparentOf<Tables>(db: Kysely<Tables>): string | undefined {
  return db instanceof RequestDatabase ? db.traceparent : undefined;
}

/** Connects when first asked. @param url a postgres:// URL @param maxConnections that work at the same time */
export function createDatabase<Tables>(
  url: string,
  log: Logger,
  tracing?: Tracing | undefined,
  maxConnections = 10,
): Database<Tables> {
  const poolOf = (max: number) => {
    const pool = new pg.Pool({
      connectionString: url,
      types: types as pg.CustomTypesConfig,
      max,
      ...limits,
    });
    // An idle connection that breaks is replaced at its next use; without a listener it would end the process.
    pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection broke'));
    // The pool listens to idle ones alone; of one that breaks while it is in use, the query tells.
    pool.on('connect', (client) => client.on('error', () => {}));
    return pool;
  };
  const database = new URL(url);
  const record = (event: LogEvent, parent: string) => {
    const error = event.level === 'error' ? event.error : undefined;
    const { sql } = event.query;
    tracing?.recordQuery(parent, { database, sql, durationMs: event.queryDurationMillis, error });
  };
  return new Database<Tables>(poolOf(maxConnections), poolOf(1), record);
}

/** Brings the schema up to date, waiting up to `waitMs` for a database that is still starting. */
export async function migrateToLatest<Tables>(
  db: Database<Tables>,
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
