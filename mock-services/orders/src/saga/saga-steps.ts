import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { OrdersTables, SagaStepTable } from '../database.ts';
import type { StoredOrder } from '../store/order-store.ts';
import { nextSteps, type Step } from './place-order.ts';

type Trx = Transaction<OrdersTables>;
export interface StepRow extends Selectable<SagaStepTable> {
  /** Since its first try began, by the database's clock; 0 before it. */
  readonly tried_for_ms: number;
}

/** Of a process that stands still with a step in hand the server ends the transaction, so that another one takes it. */
const abandonedAfterMs = 10_000;

/** Steps that carry the payment token, until it was used. */
const needSecret = ['reserve', 'authorise'];

/** Writes down what has to be done next for an order; what is written down already stays. */
export async function planSteps(
  trx: Trx,
  { number, order }: StoredOrder,
  traceparent: string,
  secret: string | null,
): Promise<void> {
  const rows = nextSteps(order).map((step) => ({
    ...step,
    id: idOf(number, step),
    order_number: number,
    traceparent,
    secret: step.direction === 'do' && needSecret.includes(step.name) ? secret : null,
  }));
  if (rows.length === 0) return;
  await trx
    .insertInto('saga_steps')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The idempotency key of a step. */
function idOf(number: string, { saga, name, direction }: Step): string {
  return `${number}-${saga}:${name}:${direction}`;
}

/** Takes a step that is due and that nobody else has in hand, until the end of the transaction. */
export async function takeStep(trx: Trx): Promise<StepRow | undefined> {
  const { rows } = await sql<StepRow>`
    select step.*, coalesce(extract(epoch from clock_timestamp() - first_tried_at) * 1000, 0)::float8 as tried_for_ms,
      set_config('idle_in_transaction_session_timeout', ${String(abandonedAfterMs)}, true)
    from (
      select * from saga_steps where not parked and due_at <= clock_timestamp()
      order by due_at limit 1 for update skip locked
    ) as step`.execute(trx);
  if (rows[0] !== undefined) await sql`savepoint taken`.execute(trx);
  return rows[0];
}

/** Undoes what the transaction has done since it took its step, which it keeps. */
export async function returnToTaken(trx: Trx): Promise<void> {
  await sql`rollback to savepoint taken`.execute(trx);
}

export async function removeStep(trx: Trx, { id }: StepRow): Promise<void> {
  await trx.deleteFrom('saga_steps').where('id', '=', id).execute();
}

/** Puts a step off, or parks it. @param delayMs undefined to park it */
export async function putOff(
  trx: Trx,
  { id, attempts }: StepRow,
  { failure, delayMs, triedForMs }: { failure: string; delayMs: number | undefined; triedForMs: number },
): Promise<void> {
  const ms = (value: number) => sql<Date>`clock_timestamp() + make_interval(secs => ${value}::float8 / 1000)`;
  await trx
    .updateTable('saga_steps')
    .set({
      attempts: attempts + 1,
      due_at: ms(delayMs ?? 0),
      parked: delayMs === undefined,
      failure,
      first_tried_at: sql<Date>`coalesce(first_tried_at, ${ms(-triedForMs)})`,
    })
    .where('id', '=', id)
    .execute();
}

/** How many steps are still to be done, and for how long they have been due or tried. */
export async function countSteps(db: Kysely<OrdersTables>) {
  const { rows } = await sql<{ step: string; state: 'waiting' | 'parked'; count: number; oldest: number }>`
    select name || ':' || direction as step, case when parked then 'parked' else 'waiting' end as state,
      count(*) as count,
      greatest(0, extract(epoch from clock_timestamp() - min(coalesce(first_tried_at, due_at))))::float8 as oldest
    from saga_steps group by step, state`.execute(db);
  return rows;
}

/** What waits for an operator, and why. */
export async function listParked(db: Kysely<OrdersTables>) {
  const rows = await db
    .selectFrom('saga_steps')
    .selectAll()
    .where('parked', '=', true)
    .orderBy('id')
    .limit(1_000)
    .execute();
  return rows.map(({ id, order_number, name, direction, attempts, failure }) => {
    return { id, orderNumber: order_number, step: name, direction, attempts, failure };
  });
}

/** Has a parked step tried again from now on. @returns false when none has this id */
export async function resumeStep(db: Kysely<OrdersTables>, id: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('saga_steps')
    .set({ parked: false, attempts: 0, due_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('parked', '=', true)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}
