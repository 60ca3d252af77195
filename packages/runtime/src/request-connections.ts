import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type pg from 'pg';
import { unlessAborted } from './unless-aborted.ts';

/** SQLSTATE of a statement that was ended on request (PostgreSQL, appendix A). */
const queryCanceled = '57014';

/** Ends the statement that the server process `pid` is running; resolves when it has been told. */
export type CancelStatement = (pid: number) => Promise<unknown>;

/**
 * The connections of `pool` for work that ends with `signal`: when it aborts, nobody waits for a connection any more, the
 * statement under way is ended in the database, and none follows but the end of its transaction.
 */
export function connectionsUntil(
  signal: AbortSignal,
  pool: pg.Pool,
  cancelStatement: CancelStatement,
): PostgresPool {
  return {
    options: pool.options,
    connect: async () => {
      signal.throwIfAborted();
      const connecting = pool.connect();
      try {
        return borrow(await unlessAborted(connecting, signal), signal, cancelStatement);
      } catch (error) {
        connecting.then(
          (client) => client.release(),
          () => {},
        );
        throw error;
      }
    },
    // The pool outlives the request.
    end: async () => {},
  };
}

function borrow(
  client: pg.PoolClient & { readonly processID?: number },
  signal: AbortSignal,
  cancelStatement: CancelStatement,
): PostgresPoolClient {
  // A cancel that finds its statement at its end may hit the next one: that connection is not used again.
  let strayCancel = false;

  const run = async (sql: string, parameters?: readonly unknown[]) => {
    let told: Promise<unknown> | undefined;
    const cancel = () => {
      strayCancel = true;
      told = cancelStatement(client.processID ?? 0).catch(() => {});
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await client.query(sql, parameters as unknown[]);
    } catch (error) {
      if (told === undefined || (error as pg.DatabaseError).code !== queryCanceled) throw error;
      strayCancel = false;
      throw signal.reason;
    } finally {
      signal.removeEventListener('abort', cancel);
      await told;
    }
  };
  const query = async (sql: string, parameters?: readonly unknown[]) => {
    if (sql === 'rollback') return client.query(sql);
    signal.throwIfAborted();
    // Whether a commit that was ended has come to pass, nobody could say.
    return sql === 'commit' ? client.query(sql) : run(sql, parameters);
  };
  return {
    // The other form of a query, with a cursor, is for streams of rows.
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy = false) => client.release(destroy || strayCancel),
  };
}
