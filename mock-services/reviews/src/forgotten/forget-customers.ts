import { forbidden } from '@portico/runtime/identity.ts';
import { sql, type Transaction } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ReviewsTables } from '../database.ts';

/** Those who were forgotten; nothing more is taken from them. */
export interface ForgottenTable {
  customer_id: string;
}

export const forgottenMigration: Migration = {
  async up(db) {
    await sql`create table forgotten_customers (customer_id text primary key)`.execute(db);
    await sql`create index on reviews (customer_id)`.execute(db);
  },
};

/** Deletes what these customers have said, and the answers that are kept for them. Once more changes nothing. */
export async function forgetCustomers(
  trx: Transaction<ReviewsTables>,
  customers: readonly string[],
): Promise<void> {
  if (customers.length === 0) return;
  await sql`select pg_advisory_xact_lock(hashtext(id)) from unnest(${customers}::text[]) as asked (id) order by id`.execute(
    trx,
  );
  await trx
    .insertInto('forgotten_customers')
    .values(customers.map((customer_id) => ({ customer_id })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  for (const table of ['reviews', 'idempotency_keys'] as const) {
    await trx.deleteFrom(table).where('customer_id', 'in', customers).execute();
  }
}

/**
 * Keeps a customer from being forgotten until the transaction is over.
 * @throws Problem `forbidden` for one who was forgotten
 */
export async function requireNotForgotten(trx: Transaction<ReviewsTables>, customer: string): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(hashtext(${customer}))`.execute(trx);
  const forgotten = await trx
    .selectFrom('forgotten_customers')
    .select('customer_id')
    .where('customer_id', '=', customer)
    .executeTakeFirst();
  if (forgotten !== undefined) throw forbidden('This customer was forgotten.');
}
