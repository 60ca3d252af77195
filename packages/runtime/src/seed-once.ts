import { type Kysely, sql, type Transaction } from 'kysely';

/**
 * Fills a new database, once: what was deleted later does not come back. It happens in one transaction, so a process
 * that is killed meanwhile leaves nothing, and another instance waits for its commit or takes over.
 */
export async function seedOnce<Tables>(
  db: Kysely<Tables>,
  fill: (trx: Transaction<Tables>) => Promise<void>,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // "if not exists" alone fails where two create the table at once.
    await sql`select pg_advisory_xact_lock(hashtext('seeding'))`.execute(trx);
    await sql`create table if not exists seeding (
      only_row boolean primary key default true check (only_row),
      started_at timestamptz not null default now()
    )`.execute(trx);
    const first = await sql`insert into seeding default values on conflict do nothing`.execute(trx);
    if (first.numAffectedRows === 1n) await fill(trx);
  });
}
