import type { components } from '@portico/contracts/generated/customers.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { Kysely, Transaction } from 'kysely';
import type { CustomersTables } from './database.ts';

type Forgotten = components['schemas']['ForgottenCustomer'];
type ForgottenPage = components['schemas']['ForgottenPage'];

/**
 * Empties the row of a customer; what says that there was one stays. Capture reads it from the log, and destroys the key of
 * all that the customer's events hold. Who was forgotten stays so, since then.
 * @throws Problem `not-found`
 */
export async function forgetCustomer(
  trx: Transaction<CustomersTables>,
  id: string,
  now: Date,
): Promise<Forgotten> {
  await trx
    .updateTable('customers')
    .set({ display_name: '', forgotten_at: now })
    .where('id', '=', id)
    .where('forgotten_at', 'is', null)
    .execute();
  const forgotten = await selectForgotten(trx).where('id', '=', id).executeTakeFirst();
  if (forgotten === undefined) throw unknownCustomer(id);
  return toForgotten(forgotten);
}

/** Those who were forgotten, in the order of their ids as text. @param after the last id of the page before */
export async function pageOfForgotten(
  db: Kysely<CustomersTables>,
  limit: number,
  after: string,
): Promise<ForgottenPage> {
  const rows = await selectForgotten(db)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit + 1)
    .execute();
  const items = rows.slice(0, limit).map(toForgotten);
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

export const unknownCustomer = (id: string) => new Problem('not-found', `No customer has the id "${id}".`);

const selectForgotten = (db: Kysely<CustomersTables>) =>
  db
    .selectFrom('customers')
    .select(['id', 'forgotten_at as at'])
    .where('forgotten_at', 'is not', null)
    .$narrowType<{ at: Date }>();

const toForgotten = ({ id, at }: { readonly id: string; readonly at: Date }): Forgotten => {
  return { id, forgottenAt: at.toISOString() };
};
