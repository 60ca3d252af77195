import { createDatabase, migrateToLatest } from '@portico/runtime/database.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { unlessAborted } from '@portico/runtime/unless-aborted.ts';
import { sql } from 'kysely';
import type { DurableEventHub } from './event-hub.ts';
import { type HubTables, migrations } from './hub-database.ts';
import { checkPosition, pageQuery, progressArray, toRecord } from './log-page.ts';
import { tailLog } from './postgres-tail.ts';
import { trimLog } from './postgres-trim.ts';
import { takeWriterPlace } from './postgres-writer.ts';

export interface PostgresEventHubOptions {
  /** Of the hub's own database, with the role that owns it. */
  readonly url: string;
  readonly log: Logger;
  /** How long a writer keeps its place without a sign of life, by the database's clock. */
  readonly writerLeaseMs?: number;
}

/**
 * The hub in a PostgreSQL database of its own. It connects, and makes its tables, when it is first asked for something: a
 * database that is away fails that call and not the next.
 */
export function createPostgresEventHub(options: PostgresEventHubOptions): DurableEventHub {
  const { url, log, writerLeaseMs: leaseMs = 2_000 } = options;
  const pool = createDatabase<HubTables>(url, log);
  const closing = new AbortController();
  let migrated: Promise<void> | undefined;
  const ready = async () => {
    migrated ??= migrateToLatest(pool, migrations, 0);
    try {
      await migrated;
    } catch (error) {
      migrated = undefined;
      throw error;
    }
    return pool;
  };

  const range = async () => {
    const db = await ready();
    return db
      .selectFrom(['hub', 'log_end'])
      .select(['epoch', 'first_number as first', 'last_number as last'])
      .executeTakeFirstOrThrow();
  };

  return {
    range,
    epoch: async () => (await range()).epoch,
    read: async (after, limit) => {
      const { rows } = await pageQuery(after.number, limit, Number.MAX_SAFE_INTEGER).execute(await ready());
      const page = rows[0]?.page;
      if (page === undefined) throw new Error('the hub has no epoch');
      checkPosition(page, after);
      return page.records.map(toRecord);
    },
    progress: async () => {
      const db = await ready();
      const { progress } = await db.selectNoFrom(progressArray.as('progress')).executeTakeFirstOrThrow();
      return progress;
    },
    tail: async (after, receive, signal) => {
      const db = await ready();
      await tailLog({ url, db, after, receive, signal: AbortSignal.any([signal, closing.signal]) });
    },
    writer: async (source, signal) => {
      const db = await unlessAborted(ready(), signal);
      return takeWriterPlace({ db, source, leaseMs, closing: closing.signal }, signal);
    },
    trim: async (before) => trimLog(await ready(), before),
    keepFor: async (consumer, { epoch, number }) => {
      const db = await ready();
      await db
        .insertInto('consumers')
        .values({ name: consumer, epoch, number })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet({
            epoch,
            number: sql`case when consumers.epoch = ${epoch} then greatest(consumers.number, ${number}) else ${number} end`,
          }),
        )
        .execute();
    },
    consumers: async () => {
      const db = await ready();
      const oldest = sql<number | null>`(
        select committed_at from records where records.number > consumers.number order by records.number limit 1)`;
      const rows = await db
        .selectFrom('consumers')
        .innerJoin('hub', 'hub.epoch', 'consumers.epoch')
        .innerJoin('log_end', (join) => join.onTrue())
        .select(['name', sql<number>`last_number - consumers.number`.as('behind'), oldest.as('oldestAt')])
        .orderBy('name')
        .execute();
      return rows.map((row) => ({ ...row, oldestAt: row.oldestAt ?? undefined }));
    },
    forget: async (consumer) => {
      const db = await ready();
      const { numDeletedRows } = await db
        .deleteFrom('consumers')
        .where('name', '=', consumer)
        .executeTakeFirstOrThrow();
      return numDeletedRows > 0n;
    },
    renewEpoch: async () => {
      const db = await ready();
      return db.transaction().execute(async (trx) => {
        await trx.deleteFrom('consumers').execute();
        const epoch = sql<string>`replace(gen_random_uuid()::text, '-', '')`;
        const renewed = trx.updateTable('hub').set({ epoch }).returning('epoch');
        return (await renewed.executeTakeFirstOrThrow()).epoch;
      });
    },
    close: async () => {
      closing.abort();
      await pool.destroy();
    },
  };
}
