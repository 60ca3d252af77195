import type { components } from '@portico/contracts/generated/payments.ts';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { PaymentsTables } from './database.ts';

/** An amount, in minor units, that goes from one account to another. */
export interface Movement {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
}

/** Money that is held belongs to nobody yet. */
export const held = 'held';
export const revenue = 'revenue';
export const accountOf = (customerId: string | null): string => `customer:${customerId}`;

/** Writes one transaction of the ledger. */
export async function moveMoney(
  trx: Transaction<PaymentsTables>,
  { from, to, amount }: Movement,
): Promise<void> {
  await sql`
    with next as (select nextval('ledger_transactions') as number)
    insert into ledger_entries (transaction, account, amount)
    select number, account, amount
    from next, (values (${from}, -${amount}::bigint), (${to}, ${amount}::bigint)) as entry (account, amount)`.execute(
    trx,
  );
}

/** The balance of every account that money was moved to or from, all of one moment. */
export async function readLedger(db: Kysely<PaymentsTables>): Promise<components['schemas']['Ledger']> {
  const accounts = await db
    .selectFrom('ledger_entries')
    .groupBy('account')
    .orderBy('account')
    .select(['account', sql<number>`sum(amount)::bigint`.as('balance')])
    .execute();
  return { accounts, total: accounts.reduce((total, { balance }) => total + balance, 0) };
}
