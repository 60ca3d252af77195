import { sagaStepsMigration } from '@portico/runtime/saga-step.ts';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export interface PaymentsTables {
  payments: PaymentTable;
  ledger_entries: LedgerEntryTable;
}

export interface PaymentTable {
  order_number: string;
  status: 'authorised' | 'declined' | 'captured' | 'voided' | 'refunded';
  /** Null of a payment that was refunded before it came; so is the currency. */
  customer_id: string | null;
  /** In minor units. */
  amount: number;
  currency: string | null;
}

/** Those of one transaction add up to zero: the database takes no others. */
interface LedgerEntryTable {
  transaction: number;
  /** `customer:<id>`, `held` or `revenue`. */
  account: string;
  /** In minor units. */
  amount: number;
}

/** By name; they run once each, in the order of their names. */
export const migrations: Record<string, Migration> = {
  '001-payments': {
    async up(db) {
      await sql`
        create table payments (
          order_number text primary key check (order_number ~ '^o[1-9][0-9]{0,14}$'),
          status text not null check (status in ('authorised', 'declined', 'captured', 'voided', 'refunded')),
          customer_id text check (customer_id ~ '^c[1-9][0-9]{0,8}$'),
          amount bigint not null check (amount >= 0),
          currency text check (currency ~ '^[A-Z]{3}$')
        )`.execute(db);
      // Change capture reads the row as it was before an update or a deletion.
      await sql`alter table payments replica identity full`.execute(db);
    },
  },
  '002-ledger': {
    async up(db) {
      await sql`create sequence ledger_transactions`.execute(db);
      await sql`
        create table ledger_entries (
          transaction bigint not null,
          account text not null check (account ~ '^(customer:c[1-9][0-9]{0,8}|held|revenue)$'),
          amount bigint not null,
          primary key (transaction, account)
        )`.execute(db);
      await sql`
        create function require_balance() returns trigger language plpgsql as $$
        begin
          if exists (
            select from ledger_entries where transaction in (old.transaction, new.transaction)
            group by transaction having sum(amount) <> 0
          ) then
            raise check_violation using message = 'the entries of a ledger transaction do not add up to zero';
          end if;
          return null;
        end $$`.execute(db);
      // When the transaction commits: until then its entries come one after the other.
      await sql`
        create constraint trigger ledger_is_balanced after insert or update or delete on ledger_entries
        deferrable initially deferred for each row execute function require_balance()`.execute(db);
    },
  },
  '003-saga-steps': sagaStepsMigration,
  '004-publication': {
    async up(db) {
      // What change capture reads of the transaction log.
      await sql`create publication portico for table payments`.execute(db);
    },
  },
};
