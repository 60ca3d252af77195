import { type Kysely, sql, type Transaction } from 'kysely';
import { traceparentOf } from './database.ts';
import type { Answer } from './openapi-types.ts';
import { readTraceparent } from './traceparent.ts';

/**
 * Does the work of a command in one transaction, and names it in the answer: `Commit-Id: <service>:<xid>`, with the 64-bit
 * transaction id. The transaction is in the log also when it changes no row, so that whoever follows the log comes by it; a
 * message in it names the trace of the request, so that the trace goes on with what follows from the commit.
 *
 * A command that only repeats an earlier one gives the earlier one's `Commit-Id` in the headers of its answer; that one stays.
 * @param db as one request sees it (`Database.during`), or without a trace
 * @param work is given the name of its commit; when it rejects, nothing is committed
 */
export function answerCommit<Tables, Body>(
  db: Kysely<Tables>,
  service: string,
  work: (trx: Transaction<Tables>, commitId: string) => Promise<Answer<Body>>,
): Promise<Answer<Body>> {
  const message = JSON.stringify({ traceparent: traceparentOf(db) });
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ xid: string }>`
      select pg_current_xact_id()::text as xid, pg_logical_emit_message(true, ${commitPrefix}, ${message}::text)`.execute(
      trx,
    );
    const commitId = `${service}:${rows[0]?.xid}`;
    const answer = await work(trx, commitId);
    return { ...answer, headers: { 'Commit-Id': commitId, ...answer.headers } };
  });
}

/** Messages of this prefix give a transaction a place in the log, and may name its trace; those of the other one only name it. */
export const commitPrefix = 'portico';
export const tracePrefix = 'portico-trace';

/**
 * Names the trace of a transaction that is no command's, such as that of a consumer; to be called before it changes rows.
 * @param traceparent W3C Trace Context
 */
export async function nameTrace<Tables>(trx: Transaction<Tables>, traceparent: string): Promise<void> {
  const message = JSON.stringify({ traceparent });
  await sql`select pg_logical_emit_message(true, ${tracePrefix}, ${message}::text)`.execute(trx);
}

/** The trace that the message of a commit names; undefined where it names none. Anybody may write such messages. */
export function readCommitMessage(content: Uint8Array): string | undefined {
  const [, traceparent] =
    /"traceparent" ?: ?"([0-9a-f-]{55})"/.exec(Buffer.from(content).toString('latin1')) ?? [];
  return readTraceparent(traceparent) && traceparent;
}
