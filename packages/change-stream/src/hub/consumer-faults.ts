import { type ChangeEvent, everythingChanged } from '@portico/contracts/events/change-event.ts';
import { sql, type Transaction } from 'kysely';
import type { Migration } from 'kysely/migration';
import {
  type Failure,
  type FaultContext,
  failureOf,
  faultId,
  maxFaults,
  maxWaiting,
} from '../faults/failure.ts';
import type { HubRecord, Position } from './event-hub.ts';

/** What a durable consumer has set aside, in its own database: a row an event, in the order in which they came. */
export interface FaultTables {
  hub_faults: {
    consumer: string;
    fault: string;
    /** 0 for the one that was not understood; the others wait behind it. */
    nth: number;
    source: string;
    unit: string;
    epoch: string;
    /** JSON of the event's record, with this event alone. */
    record: HubRecord;
    /** JSON, of the first one. */
    failure: Failure | null;
  };
}

/** For the migrations of the consumer's own database, under a name that fits among them. */
export const faultsMigration: Migration = {
  async up(db) {
    await sql`
      create table hub_faults (
        consumer text not null,
        fault text not null,
        nth int not null,
        source text not null,
        unit text not null,
        epoch text not null,
        record json not null,
        failure json,
        primary key (consumer, fault, nth)
      )`.execute(db);
  },
};

type Trx = Transaction<FaultTables>;
type FaultRow = FaultTables['hub_faults'];

/** How a consumer works on events, and what they are about. */
export interface EventHandling extends FaultContext {
  readonly consumer: string;
  readonly handle: (records: readonly HubRecord[], trx: Trx) => Promise<void>;
  readonly unitOf: (event: ChangeEvent) => string;
}

/** A fault that was opened. */
export interface OpenedFault {
  readonly fault: string;
  readonly event: ChangeEvent;
  readonly failure: Failure;
}

/**
 * Whether the error is about what was handled: a mistake of the program, or data that the database refuses (SQLSTATE classes 22
 * and 23). Any other one may be gone at the next try. `fetch` gives a TypeError, with a cause, where nobody answers.
 */
export function isPoison(error: unknown): boolean {
  if (!(error instanceof Error) || error.cause !== undefined) return false;
  const { code } = error as { code?: unknown };
  const isRefused = typeof code === 'string' && /^2[23][0-9A-Z]{3}$/.test(code);
  return (
    isRefused || error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError
  );
}

/** Handles what is about no unit with a fault, and has the rest wait behind those. Everything that may have changed ends the faults of its source. */
export async function handleBeside(
  handling: EventHandling,
  records: readonly HubRecord[],
  epoch: string,
  trx: Trx,
  isOneByOne: boolean,
): Promise<readonly OpenedFault[]> {
  const { consumer, handle, unitOf } = handling;
  const open = await readOpen(consumer, trx);
  const opened: OpenedFault[] = [];
  let plain: HubRecord[] = [];
  const flush = async () => {
    if (plain.length > 0) await handle(plain, trx);
    plain = [];
  };
  for (const record of records.flatMap(singleEvents)) {
    const { source, number } = record;
    const [event] = record.events;
    if (event === undefined) continue;
    if (event.type === everythingChanged) {
      // What it makes anew has the effect of all that waits.
      if (event.key !== 'snapshot-ended') await endFaults(consumer, source, trx, open);
      plain.push(record);
      await flush();
      continue;
    }
    const unit = unitOf(event);
    const waitsBehind = open.get(`${source}:${unit}`);
    const row = { consumer, source, unit, epoch, record };
    if (waitsBehind !== undefined) {
      waitsBehind.waiting += 1;
      if (waitsBehind.waiting > maxWaiting)
        throw new Error(`more would wait in ${consumer} behind the fault ${waitsBehind.fault} than it keeps`);
      await insert(trx, { ...row, fault: waitsBehind.fault, nth: waitsBehind.waiting, failure: null });
    } else if (isOneByOne) {
      const error = await attempt(() => handle([record], trx), trx);
      if (error === undefined) continue;
      if (open.size >= maxFaults)
        throw new Error(`${consumer} has ${maxFaults} faults already`, { cause: error });
      const fault = faultId(consumer, { epoch, number }, event.id);
      const failure = failureOf(error, handling);
      await insert(trx, { ...row, fault, nth: 0, failure });
      open.set(`${source}:${unit}`, { fault, waiting: 0 });
      opened.push({ fault, event, failure });
    } else plain.push(record);
  }
  await flush();
  return opened;
}

/** Handles it as if nothing else were in the transaction: gives the error, of which nothing stays. @throws what is no poison */
export async function attempt(work: () => Promise<void>, trx: Trx): Promise<unknown> {
  await sql`savepoint one_event`.execute(trx);
  try {
    await work();
    await sql`release savepoint one_event`.execute(trx);
    return undefined;
  } catch (error) {
    if (!isPoison(error)) throw error;
    await sql`rollback to savepoint one_event`.execute(trx);
    return error;
  }
}

export async function insert(trx: Trx, row: FaultRow): Promise<void> {
  const { record, failure, ...others } = row;
  await sql`
    insert into hub_faults (consumer, fault, nth, source, unit, epoch, record, failure)
    values (${others.consumer}, ${others.fault}, ${others.nth}, ${others.source}, ${others.unit}, ${others.epoch},
      ${JSON.stringify(record)}, ${failure && JSON.stringify(failure)})`.execute(trx);
}

/** By source and unit. */
async function readOpen(
  consumer: string,
  trx: Trx,
): Promise<Map<string, { fault: string; waiting: number }>> {
  const rows = await trx
    .selectFrom('hub_faults')
    .select(({ fn }) => ['fault', 'source', 'unit', fn.max('nth').as('waiting')])
    .where('consumer', '=', consumer)
    .groupBy(['fault', 'source', 'unit'])
    .execute();
  return new Map(rows.map(({ source, unit, fault, waiting }) => [`${source}:${unit}`, { fault, waiting }]));
}

async function endFaults(
  consumer: string,
  source: string,
  trx: Trx,
  open: Map<string, unknown>,
): Promise<void> {
  for (const key of open.keys()) if (key.startsWith(`${source}:`)) open.delete(key);
  await trx.deleteFrom('hub_faults').where('consumer', '=', consumer).where('source', '=', source).execute();
}

function singleEvents(record: HubRecord): HubRecord[] {
  return record.events.map((event) => ({ ...record, events: [event] }));
}

/** Where in the hub's log the event of a row is. */
export const positionOf = ({ epoch, record }: Pick<FaultRow, 'epoch' | 'record'>): Position => ({
  epoch,
  number: record.number,
});
