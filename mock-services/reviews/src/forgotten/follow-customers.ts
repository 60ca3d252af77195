import { join } from 'node:path';
import { createFaultRoutes } from '@portico/change-stream/faults/fault-routes.ts';
import {
  type DurableConsumerOptions,
  faultsOf,
  runDurableConsumer,
} from '@portico/change-stream/hub/durable-consumer.ts';
import type { DurableEventHub, HubRecord } from '@portico/change-stream/hub/event-hub.ts';
import { type ChangeEvent, everythingChanged } from '@portico/contracts/events/change-event.ts';
import { customersEvents } from '@portico/contracts/events/customers-events.ts';
import { buildOf } from '@portico/runtime/build-of.ts';
import type { ServiceParts } from '@portico/runtime/service-app.ts';
import type { Transaction } from 'kysely';
import type { ReviewsTables } from '../database.ts';
import { forgetCustomers } from './forget-customers.ts';

/** All that the customers service says are forgotten, in pages. */
export type ReadForgotten = () => AsyncIterable<readonly string[]>;

export interface FollowCustomersOptions {
  readonly hub: DurableEventHub;
  /** Asked at the first start, and where the hub can't tell who was forgotten. */
  readonly readForgotten: ReadForgotten;
}

/** Forgets whom the hub says that customers has forgotten. It goes on where it stopped. */
export function followCustomers(
  { hub, readForgotten }: FollowCustomersOptions,
  {
    adminExtra,
    ...parts
  }: Pick<ServiceParts<ReviewsTables>, 'adminExtra' | 'db' | 'log' | 'metrics' | 'now' | 'tracing'>,
): { close(): Promise<void> } {
  const stopping = new AbortController();
  const forgetAll = async (trx: Transaction<ReviewsTables>) => {
    for await (const customers of readForgotten()) await forgetCustomers(trx, customers);
  };
  const handle = async (records: readonly HubRecord[], trx: Transaction<ReviewsTables>) => {
    const events = records.flatMap((record) => (record.source === 'customers' ? record.events : []));
    await forgetCustomers(trx, events.flatMap(goneBy));
    if (events.some(isUncertain)) await forgetAll(trx);
  };
  const following: DurableConsumerOptions<ReviewsTables> = {
    ...parts,
    name: 'reviews-forgotten',
    hub,
    sources: ['customers'],
    handle,
    reset: forgetAll,
    build: buildOf(join(import.meta.dirname, '..')),
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

function goneBy(event: ChangeEvent): string[] {
  const { persons, problemOf } = customersEvents;
  if (event.type !== persons?.type || problemOf(event) !== undefined) return [];
  return event.data.after === null || persons.isForgotten(event.data.after) ? [event.key] : [];
}

/** Somebody may have been forgotten without an event; all of a snapshot come as events. */
function isUncertain(event: ChangeEvent): boolean {
  if (event.type === everythingChanged)
    return event.key !== 'snapshot-begun' && event.key !== 'snapshot-ended';
  return customersEvents.problemOf(event) !== undefined;
}
