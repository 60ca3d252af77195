import { type Kysely, sql, type Transaction } from 'kysely';
import type { Answer } from './openapi-types.ts';

/**
 * Does the work of a command in one transaction, and names it in the answer: `Commit-Id: <service>:<xid>`, with the 64-bit
 * transaction id. The transaction is in the log also when it changes no row, so that whoever follows the log comes by it.
 *
 * A command that only repeats an earlier one gives the earlier one's `Commit-Id` in the headers of its answer; that one stays.
 * @param work is given the name of its commit; when it rejects, nothing is committed
 */
export function answerCommit<Tables, Body>(
  db: Kysely<Tables>,
  service: string,
  work: (trx: Transaction<Tables>, commitId: string) => Promise<Answer<Body>>,
): Promise<Answer<Body>> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ xid: string }>`
      select pg_current_xact_id()::text as xid, pg_logical_emit_message(true, 'portico', '{}')`.execute(trx);
    const commitId = `${service}:${rows[0]?.xid}`;
    const answer = await work(trx, commitId);
    return { ...answer, headers: { 'Commit-Id': commitId, ...answer.headers } };
  });
}
