import type { Logger } from '@portico/runtime/log.ts';
import type { Kysely, Transaction } from 'kysely';
import { failureOf, faultId } from '../faults/failure.ts';
import { type Fault, type FaultDesk, type Resolution, summarize } from '../faults/fault-desk.ts';
import type { CursorTables } from './consumer-cursor.ts';
import { attempt, type EventHandling, type FaultTables, insert, positionOf } from './consumer-faults.ts';

type FaultRow = FaultTables['hub_faults'];

/** The faults of a durable consumer, in its own database. They can be resubmitted in any instance, whichever is the active one. */
export function createConsumerFaultDesk(
  handling: EventHandling,
  db: Kysely<CursorTables>,
  log: Logger,
): FaultDesk {
  const { consumer } = handling;
  const ofConsumer = (on: Kysely<CursorTables>) =>
    on.selectFrom('hub_faults').selectAll().where('consumer', '=', consumer);
  const waiting = async (fault: string) => {
    const { count } = await db
      .selectFrom('hub_faults')
      .select(({ fn }) => fn.countAll().as('count'))
      .where('consumer', '=', consumer)
      .where('fault', '=', fault)
      .executeTakeFirstOrThrow();
    return Math.max(0, Number(count) - 1);
  };
  const resolve = async (fault: string, isDiscarded: boolean) => {
    const resolution = await db.transaction().execute(async (trx) => {
      await lockCursor(trx, consumer);
      const rows = await ofConsumer(trx).where('fault', '=', fault).orderBy('nth').execute();
      return rows.length === 0 ? undefined : await takeAgain(handling, rows, isDiscarded, trx);
    });
    const done = isDiscarded ? 'discarded' : 'resubmitted';
    if (resolution !== undefined) log.info({ consumer, fault, ...resolution }, `a fault was ${done}`);
    return resolution;
  };

  return {
    consumer,
    list: async () => {
      const heads = await ofConsumer(db).where('nth', '=', 0).execute();
      const faults = heads.map(async (row) => toFault(row, await waiting(row.fault)));
      return (await Promise.all(faults)).flatMap((fault) => (fault === undefined ? [] : [summarize(fault)]));
    },
    show: async (fault) => {
      const row = await ofConsumer(db).where('fault', '=', fault).where('nth', '=', 0).executeTakeFirst();
      return row && toFault(row, await waiting(fault));
    },
    resubmit: (fault) => resolve(fault, false),
    discard: (fault) => resolve(fault, true),
  };
}

/** Until the transaction ends no instance goes on, nor resubmits. */
async function lockCursor(trx: Transaction<CursorTables>, consumer: string): Promise<void> {
  await trx
    .selectFrom('hub_cursors')
    .select('consumer')
    .where('consumer', '=', consumer)
    .forUpdate()
    .execute();
}

/** One after the other, up to one that fails again: that one and those behind it stay. */
async function takeAgain(
  handling: EventHandling,
  rows: readonly FaultRow[],
  isDiscarded: boolean,
  trx: Transaction<CursorTables>,
): Promise<Resolution> {
  const { consumer } = handling;
  const taken = isDiscarded ? rows.slice(1) : rows;
  let applied = 0;
  let error: unknown;
  for (const { record } of taken) {
    error = await attempt(() => handling.handle([record], trx), trx);
    if (error !== undefined) break;
    applied += 1;
  }
  const [head, ...behind] = taken.slice(applied);
  await trx
    .deleteFrom('hub_faults')
    .where('consumer', '=', consumer)
    .where('fault', '=', String(rows[0]?.fault))
    .execute();
  if (head === undefined) return { applied, left: [] };
  const isSame = head.nth === 0;
  const eventId = String(head.record.events[0]?.id);
  const fault = isSame ? head.fault : faultId(consumer, positionOf(head), eventId);
  const failure = failureOf(error, handling, isSame && head.failure ? head.failure : undefined);
  await insert(trx, { ...head, fault, nth: 0, failure });
  for (const [index, row] of behind.entries()) await insert(trx, { ...row, fault, nth: index + 1 });
  return { applied, left: [fault] };
}

function toFault(row: FaultRow, waiting: number): Fault | undefined {
  const { fault: id, consumer, source, unit, record, failure } = row;
  const [event] = record.events;
  if (event === undefined || failure === null) return undefined;
  return { id, consumer, ...failure, source, position: positionOf(row), event, keys: [unit], waiting };
}
