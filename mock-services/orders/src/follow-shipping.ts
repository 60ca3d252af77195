import { createFaultRoutes } from '@portico/change-stream/faults/fault-routes.ts';
import {
  type DurableConsumerOptions,
  faultsOf,
  runDurableConsumer,
} from '@portico/change-stream/hub/durable-consumer.ts';
import type { DurableEventHub, HubRecord } from '@portico/change-stream/hub/event-hub.ts';
import { everythingChanged, type PublicEvent } from '@portico/contracts/events/change-event.ts';
import { shippingEvents } from '@portico/contracts/events/shipping-events.ts';
import { buildOf } from '@portico/runtime/build-of.ts';
import type { Database } from '@portico/runtime/database.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import type { Tracing } from '@portico/runtime/tracing.ts';
import type { Router } from 'express';
import { sql, type Transaction } from 'kysely';
import type { OrdersTables } from './database.ts';
import { shipped } from './saga/place-order.ts';
import { planSteps } from './saga/saga-steps.ts';
import { changeOrder, loadForChange } from './store/order-store.ts';

export interface FollowShippingOptions {
  readonly hub: DurableEventHub;
  readonly db: Database<OrdersTables>;
  /** Steps of a saga were written down. */
  readonly wake: () => void;
  readonly log: Logger;
  readonly metrics?: Metrics;
  readonly tracing?: Tracing | undefined;
  /** Takes what operators can do about events that are set aside. */
  readonly adminExtra?: Router | undefined;
  readonly now?: () => number;
}

/** Writes down which orders were shipped, by what the hub says of shipping. It goes on where it stopped. */
export function followShipping(options: FollowShippingOptions): { close(): Promise<void> } {
  const { hub, db, log, metrics, tracing, adminExtra, wake, now = Date.now } = options;
  const stopping = new AbortController();
  const following: DurableConsumerOptions<OrdersTables> = {
    name: 'orders-shipped',
    hub,
    db,
    sources: ['shipping'],
    handle: (records, trx) => noteShipped(records, trx, options),
    reset: lookAtParcels,
    // What was written down is committed by then.
    onSaid: (source) => {
      if (source === 'shipping') wake();
    },
    build: buildOf(import.meta.dirname),
    log,
    metrics,
    tracing,
    now,
  };
  adminExtra?.use(createFaultRoutes([faultsOf(following)]));
  const running = runDurableConsumer(following, stopping.signal);
  return {
    close: async () => {
      stopping.abort();
      await running;
      await hub.close();
    },
  };
}

async function noteShipped(
  records: readonly HubRecord[],
  trx: Transaction<OrdersTables>,
  { now = Date.now }: FollowShippingOptions,
): Promise<void> {
  for (const event of records.flatMap(({ source, events }) => (source === 'shipping' ? events : []))) {
    if (isUncertain(event)) await lookAtParcels(trx);
    else if (hasLeft(event)) await appendShipped(trx, event.key, new Date(now()));
  }
}

/** Some may have left without an event; all of a snapshot come as events. */
function isUncertain(event: PublicEvent): boolean {
  if (event.type === everythingChanged)
    return event.key !== 'snapshot-begun' && event.key !== 'snapshot-ended';
  return shippingEvents.problemOf(event) !== undefined;
}

function hasLeft({ type, data }: PublicEvent): boolean {
  return type === 'shipment-changed' && (data.after as { status: string } | null)?.status === 'shipped';
}

async function appendShipped(trx: Transaction<OrdersTables>, number: string, now: Date): Promise<void> {
  const stored = await loadForChange(trx, number);
  if (stored === undefined) return;
  const events = shipped(stored.order);
  if (events.length === 0) return;
  const { rows } = await sql<{ traceparent: string }>`
    select traceparent from order_events where order_number = ${number} and version = 1`.execute(trx);
  const traceparent = String(rows[0]?.traceparent);
  await planSteps(trx, await changeOrder(trx, stored, events, { traceparent, now }), traceparent, null);
}

/** Has shipping asked for every order that it may have sent without our knowing. */
async function lookAtParcels(trx: Transaction<OrdersTables>): Promise<void> {
  await sql`
    insert into saga_steps (id, order_number, saga, name, direction, traceparent)
    select order_number || '-ship:look:do', order_number, 'ship', 'look', 'do', traceparent
    from order_events as confirmed
    where type = 'order-confirmed' and not exists (
      select from order_events as ended
      where ended.order_number = confirmed.order_number and ended.type in ('order-shipped', 'order-cancelled'))
    on conflict do nothing`.execute(trx);
}
