import { type Kysely, sql } from 'kysely';
import type { HubTables } from './hub-database.ts';

/** Records that go in one transaction. */
const batch = 1_000;

/**
 * Lets go of the begin of the log, up to the first record that is younger than `before` (epoch milliseconds), the last one,
 * or a durable consumer's: the record at a reader's position tells it whether the log is still the same.
 * @returns how many records went
 */
export async function trimLog(db: Kysely<HubTables>, before: number): Promise<number> {
  for (let trimmed = 0; ; ) {
    const gone = await trimBatch(db, before);
    trimmed += gone;
    if (gone < batch) return trimmed;
  }
}

function trimBatch(db: Kysely<HubTables>, before: number): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const { first_number: first } = await trx
      .selectFrom('hub')
      .select('first_number')
      .forUpdate()
      .executeTakeFirstOrThrow();
    const { kept } = await trx
      .selectNoFrom(
        sql<number>`least(
          ${first + batch}::bigint,
          (select last_number from log_end),
          (select min(consumers.number) from consumers join hub using (epoch)),
          (select number from records where number < ${first + batch} and committed_at >= ${before} order by number limit 1)
        )`.as('kept'),
      )
      .executeTakeFirstOrThrow();
    if (kept <= first) return 0;
    await trx.updateTable('hub').set({ first_number: kept }).execute();
    await trx.deleteFrom('records').where('number', '<', kept).execute();
    return kept - first;
  });
}
