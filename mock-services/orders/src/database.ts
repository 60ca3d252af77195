import { type CursorTables, cursorMigration } from '@portico/change-stream/hub/consumer-cursor.ts';
import { faultsMigration } from '@portico/change-stream/hub/consumer-faults.ts';
import { type ColumnType, type JSONColumnType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Order } from './order.ts';

export interface OrdersTables extends CursorTables {
  order_events: OrderEventTable;
  order_snapshots: OrderSnapshotTable;
  idempotency_keys: IdempotencyKeyTable;
  saga_steps: SagaStepTable;
}

/** What there is to know of orders, and what is published of them. Rows are added, never changed. */
interface OrderEventTable {
  order_number: string;
  /** From 1, without gaps. */
  version: number;
  customer_id: string;
  type: string;
  /** Of `data`, for this type; see upcast-order-events.ts. */
  schema_version: number;
  at: Date;
  data: JSONColumnType<object>;
  /** W3C Trace Context of the work that it was a part of. */
  traceparent: string;
}

/** The state of long orders at some version, so that they need not be folded from their begin. */
interface OrderSnapshotTable {
  order_number: string;
  version: number;
  schema_version: number;
  at: Date;
  state: JSONColumnType<Order>;
}

interface IdempotencyKeyTable {
  /** A key belongs to its customer. */
  customer_id: string;
  key: string;
  /** SHA-256 of the command, by which another one with the same key is told. */
  command: Buffer;
  order_number: string;
  commit_id: string;
}

/** What has to be done by somebody else for an order; gone once its event is there. */
export interface SagaStepTable {
  /** `sagaId:step:direction`: the idempotency key of the step. */
  id: string;
  order_number: string;
  saga: string;
  name: string;
  direction: string;
  due_at: ColumnType<Date, never, Date>;
  attempts: ColumnType<number, never, number>;
  first_tried_at: ColumnType<Date | null, never, Date>;
  /** Waits for an operator. */
  parked: ColumnType<boolean, never, boolean>;
  /** Why the last try failed. */
  failure: ColumnType<string | null, never, string>;
  traceparent: string;
  /** The payment token, until it is used up. */
  secret: string | null;
}

/** By name; they run once each, in the order of their names. */
export const migrations: Record<string, Migration> = {
  '001-order-events': {
    async up(db) {
      await sql`create sequence order_numbers maxvalue 999999999999999`.execute(db);
      await sql`
        create table order_events (
          order_number text not null check (order_number ~ '^o[1-9][0-9]{0,14}$'),
          version integer not null check (version >= 1),
          customer_id text not null check (customer_id ~ '^c[1-9][0-9]{0,8}$'),
          type text not null check (type ~ '^[a-z-]{1,60}$'),
          schema_version smallint not null default 1,
          at timestamptz(3) not null,
          data jsonb not null,
          traceparent text not null,
          primary key (order_number, version)
        )`.execute(db);
      await sql`create index on order_events (customer_id, at, order_number) where version = 1`.execute(db);
      // Change capture reads the row as it was before an update or a deletion.
      await sql`alter table order_events replica identity full`.execute(db);
      // What change capture reads of the transaction log.
      await sql`create publication portico for table order_events`.execute(db);
      await sql`
        create table order_snapshots (
          order_number text primary key,
          version integer not null,
          schema_version smallint not null,
          at timestamptz(3) not null,
          state jsonb not null
        )`.execute(db);
    },
  },
  '002-commands': {
    async up(db) {
      await sql`
        create table idempotency_keys (
          customer_id text not null,
          key text not null,
          command bytea not null,
          order_number text not null,
          commit_id text not null,
          primary key (customer_id, key)
        )`.execute(db);
    },
  },
  '003-saga-steps': {
    async up(db) {
      // No checks: what fails one is repeated in the log, and there may be a secret in it.
      await sql`
        create table saga_steps (
          id text primary key,
          order_number text not null,
          saga text not null,
          name text not null,
          direction text not null,
          due_at timestamptz not null default clock_timestamp(),
          attempts integer not null default 0,
          first_tried_at timestamptz,
          parked boolean not null default false,
          failure text,
          traceparent text not null,
          secret text
        )`.execute(db);
      await sql`create index on saga_steps (due_at) where not parked`.execute(db);
    },
  },
  '004-hub-cursors': cursorMigration,
  '005-hub-faults': faultsMigration,
};
