import { seedOnce } from '@portico/runtime/seed-once.ts';
import type { Kysely } from 'kysely';
import { composeCustomer, customerCount } from './compose-customer.ts';
import type { CustomersTables } from './database.ts';

/** Fills a new database with customers. */
export async function seedCustomers(db: Kysely<CustomersTables>): Promise<void> {
  await seedOnce(db, async (trx) => {
    const customers = Array.from({ length: customerCount }, (_, index) => composeCustomer(index + 1));
    await trx.insertInto('customers').values(customers).execute();
  });
}
