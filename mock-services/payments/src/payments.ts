import type { components } from '@portico/contracts/generated/payments.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { Insertable, Selectable, Transaction } from 'kysely';
import type { PaymentsTables, PaymentTable } from './database.ts';
import { accountOf, held, moveMoney, revenue } from './ledger.ts';

type Payment = components['schemas']['Payment'];
type NewPayment = components['schemas']['NewPayment'];
type Row = Selectable<PaymentTable>;
type Status = Row['status'];

/** Holds the amount where the provider `pays`. An order that has a payment keeps it, also one that was refunded before it came. */
export async function authorise(
  trx: Transaction<PaymentsTables>,
  { orderNumber, customerId, amount: { amount, currency } }: NewPayment,
  pays: boolean,
): Promise<Payment> {
  const status = pays ? 'authorised' : 'declined';
  const row: Row = { order_number: orderNumber, customer_id: customerId, amount, currency, status };
  if (!(await begin(trx, row))) return toPayment(await lock(trx, orderNumber).executeTakeFirstOrThrow());
  if (pays) await moveMoney(trx, { from: accountOf(customerId), to: held, amount });
  return toPayment(row);
}

/**
 * Takes the money that is held.
 * @throws Problem `conflict` where none is
 */
export async function capture(trx: Transaction<PaymentsTables>, orderNumber: string): Promise<Payment> {
  const found = await lock(trx, orderNumber).executeTakeFirst();
  if (found?.status === 'captured') return toPayment(found);
  if (found?.status !== 'authorised') {
    const state = found?.status ?? 'not there';
    throw new Problem('conflict', `The payment of the order "${orderNumber}" is ${state}.`);
  }
  await moveMoney(trx, { from: held, to: revenue, amount: found.amount });
  return mark(trx, found, 'captured');
}

/** Where a refund takes the money from, and what becomes of the payment, by what it is. */
const backward: Readonly<Partial<Record<Status, { readonly from: string; readonly status: Status }>>> = {
  authorised: { from: held, status: 'voided' },
  captured: { from: revenue, status: 'refunded' },
};

/** Gives back what is held or was taken. A payment that has not come yet is marked; one that holds nothing stays as it is. */
export async function refund(trx: Transaction<PaymentsTables>, orderNumber: string): Promise<Payment> {
  const nothing = { customer_id: null, amount: 0, currency: null };
  if (await begin(trx, { order_number: orderNumber, status: 'voided', ...nothing }))
    return { orderNumber, status: 'voided' };
  const found = await lock(trx, orderNumber).executeTakeFirstOrThrow();
  const back = backward[found.status];
  if (back === undefined) return toPayment(found);
  await moveMoney(trx, { from: back.from, to: accountOf(found.customer_id), amount: found.amount });
  return mark(trx, found, back.status);
}

export function toPayment({ order_number: orderNumber, status, amount, currency }: Row): Payment {
  return {
    orderNumber,
    status,
    ...(status === 'declined' && { reason: 'payment_declined' as const }),
    ...(currency !== null && { amount: { amount, currency } }),
  };
}

/** False where the order has a payment already; one that is just being made is waited for. */
async function begin(trx: Transaction<PaymentsTables>, row: Insertable<PaymentTable>): Promise<boolean> {
  const insert = trx.insertInto('payments').values(row);
  const { numInsertedOrUpdatedRows } = await insert
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** The payment as it is now, and stays until the transaction is over. */
function lock(trx: Transaction<PaymentsTables>, orderNumber: string) {
  return trx.selectFrom('payments').selectAll().where('order_number', '=', orderNumber).forUpdate();
}

async function mark(trx: Transaction<PaymentsTables>, row: Row, status: Status): Promise<Payment> {
  await trx.updateTable('payments').set({ status }).where('order_number', '=', row.order_number).execute();
  return toPayment({ ...row, status });
}
