import { createHash } from 'node:crypto';
import type { components } from '@portico/contracts/generated/orders.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { OrdersTables } from './database.ts';
import { decide } from './decide-order.ts';
import type { OrderLine } from './order.ts';
import { planSteps } from './saga/saga-steps.ts';
import { changeOrder, loadOrder, newOrder, type StoredOrder } from './store/order-store.ts';

export interface TakeOrder {
  readonly customerId: string;
  readonly idempotencyKey: string;
  readonly wanted: components['schemas']['NewOrder'];
  readonly traceparent: string;
  readonly now: Date;
}

/** An order with the commit that took it. */
export interface Taken {
  readonly stored: StoredOrder;
  readonly commitId: string;
}

/**
 * Takes an order, once for each idempotency key of a customer.
 * @param lines those that are wanted, with the prices of now
 * @param trx the transaction of the command, whose commit is named `commitId`
 * @throws Problem `conflict` when the key was used for another order
 */
export async function takeOrder(
  trx: Transaction<OrdersTables>,
  take: TakeOrder,
  lines: readonly OrderLine[],
  commitId: string,
): Promise<Taken> {
  const { customerId, traceparent, now, wanted } = take;
  const { rows } = await sql<{ number: string }>`select 'o' || nextval('order_numbers') as number`.execute(
    trx,
  );
  const number = String(rows[0]?.number);
  // While another request with this key runs, this waits for its commit; if it fails, this one takes its place.
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('idempotency_keys')
    .values({
      customer_id: customerId,
      key: take.idempotencyKey,
      command: fingerprintOf(take),
      order_number: number,
      commit_id: commitId,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) {
    const earlier = await findTaken(trx, take);
    if (earlier === undefined) throw new Error('an idempotency key is taken, and not there');
    return earlier;
  }
  const before = newOrder(number, customerId);
  const events = decide(before.order, { type: 'place', lines });
  const stored = await changeOrder(trx, before, events, { traceparent, now });
  await planSteps(trx, stored, traceparent, wanted.paymentToken);
  return { stored, commitId };
}

/**
 * The order that was taken with this key.
 * @throws Problem `conflict` when it was another one
 */
export async function findTaken(db: Kysely<OrdersTables>, take: TakeOrder): Promise<Taken | undefined> {
  const row = await db
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('customer_id', '=', take.customerId)
    .where('key', '=', take.idempotencyKey)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (!row.command.equals(fingerprintOf(take)))
    throw new Problem('conflict', 'This Idempotency-Key was used for another order: take a new one.', {
      extensions: { code: 'IDEMPOTENCY_CONFLICT' },
    });
  const stored = await loadOrder(db, row.order_number);
  if (stored === undefined) throw new Error(`${row.order_number} was taken, and is not there`);
  return { stored, commitId: row.commit_id };
}

/** The key is in it, so that nobody can tell which customers have the same payment token. */
function fingerprintOf({ customerId, idempotencyKey, wanted }: TakeOrder): Buffer {
  const lines = wanted.lines.map(({ productId, quantity }) => [productId, quantity]);
  const command = JSON.stringify([customerId, idempotencyKey, lines, wanted.paymentToken]);
  return createHash('sha256').update(command).digest();
}
