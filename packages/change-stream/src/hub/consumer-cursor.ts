import { type Kysely, sql, type Transaction } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { FaultTables } from './consumer-faults.ts';
import type { Position } from './event-hub.ts';

/** Where a durable consumer is, in its own database: one row a consumer, written with what its records bring about. */
export interface CursorTables extends FaultTables {
  hub_cursors: {
    consumer: string;
    /** Null before the first reset. */
    epoch: string | null;
    number: number | null;
    mark: string | null;
    /** Random id of the instance that is active. */
    holder: string;
    lease_until: Date;
  };
}

/** For the migrations of the consumer's own database, under a name that fits among them. */
export const cursorMigration: Migration = {
  async up(db) {
    await sql`
      create table hub_cursors (
        consumer text primary key,
        epoch text,
        number bigint,
        mark text,
        holder uuid not null,
        lease_until timestamptz not null
      )`.execute(db);
  },
};

/** Another instance is active now. */
export class CursorTaken extends Error {
  override name = 'CursorTaken';
}

/** The place of the one active instance of a consumer. */
export interface ConsumerCursor {
  /** Undefined before the first reset. */
  readonly position: Position | undefined;
  /**
   * Runs `work` in a transaction that also moves the cursor: both or nothing happens. It is told whether any fault is open.
   * @throws CursorTaken when another instance took the place; nothing of `work` is done then.
   */
  move(
    to: Position,
    work: (trx: Transaction<CursorTables>, hasFaults: boolean) => Promise<void>,
  ): Promise<void>;
  hold(): Promise<void>;
  release(): Promise<void>;
}

/** A transaction that does nothing for so many leases, as its process is paused, is ended by the server. */
const abandonedAfterLeases = 5;

/**
 * Takes the place when nobody is active, or whoever was gave no sign for `leaseMs` by the database's clock.
 * @returns undefined while another instance is active
 */
export async function tryTakeCursor(
  db: Kysely<CursorTables>,
  consumer: string,
  leaseMs: number,
): Promise<ConsumerCursor | undefined> {
  const leaseUntil = sql<Date>`clock_timestamp() + make_interval(secs => ${leaseMs}::float8 / 1000)`;
  const row = await db
    .insertInto('hub_cursors')
    .values({ consumer, holder: sql`gen_random_uuid()`, lease_until: leaseUntil })
    .onConflict((conflict) =>
      conflict
        .column('consumer')
        .doUpdateSet({ holder: sql`excluded.holder`, lease_until: sql`excluded.lease_until` })
        .where('hub_cursors.lease_until', '<', sql<Date>`clock_timestamp()`),
    )
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { epoch, number, mark, holder } = row;
  const held = (on: Kysely<CursorTables>) =>
    on.updateTable('hub_cursors').where('consumer', '=', consumer).where('holder', '=', holder);
  // Whatever waits for the row's lock would only take connections from the work.
  let busy = false;
  const alone = async (work: () => Promise<unknown>) => {
    busy = true;
    await work().finally(() => {
      busy = false;
    });
  };

  return {
    position:
      epoch === null || number === null
        ? undefined
        : { epoch, number: Number(number), mark: mark ?? undefined },
    move: (to, work) =>
      alone(() =>
        db.transaction().execute(async (trx) => {
          await sql`select set_config('idle_in_transaction_session_timeout', ${`${leaseMs * abandonedAfterLeases}`}, true)`.execute(
            trx,
          );
          const hasFaults = await lockPlace(trx, consumer, holder);
          await work(trx, hasFaults);
          await held(trx)
            .set({ epoch: to.epoch, number: to.number, mark: to.mark ?? null, lease_until: leaseUntil })
            .execute();
        }),
      ),
    hold: async () => {
      if (!busy) await alone(() => held(db).set({ lease_until: leaseUntil }).execute());
    },
    release: async () => {
      await held(db).set({ lease_until: sql`'-infinity'` }).execute();
    },
  };
}

/** From here to the end of the transaction nobody else takes the place, nor ends a fault. Gives whether any is open. */
async function lockPlace(trx: Transaction<CursorTables>, consumer: string, holder: string): Promise<boolean> {
  const place = await trx
    .selectFrom('hub_cursors')
    .select([
      'holder',
      sql<boolean>`exists (select from hub_faults where consumer = ${consumer})`.as('has_faults'),
    ])
    .where('consumer', '=', consumer)
    .forUpdate()
    .executeTakeFirst();
  if (place?.holder !== holder) throw new CursorTaken(`another instance of ${consumer} is active`);
  return place.has_faults;
}
