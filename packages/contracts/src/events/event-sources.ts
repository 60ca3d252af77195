import { catalogEvents } from './catalog-events.ts';
import { customersEvents } from './customers-events.ts';
import type { DeclaredSource } from './declare-events.ts';
import { inventoryEvents } from './inventory-events.ts';
import { ordersEvents } from './orders-events.ts';
import { paymentsEvents } from './payments-events.ts';
import { reviewsEvents } from './reviews-events.ts';
import { shippingEvents } from './shipping-events.ts';

/** Every service that says in public what changes. */
export const eventSources: readonly DeclaredSource[] = [
  catalogEvents,
  inventoryEvents,
  reviewsEvents,
  customersEvents,
  ordersEvents,
  paymentsEvents,
  shippingEvents,
];

/** What the service of this name publishes. @throws Error when no service of this name does */
export function eventSource(name: string): DeclaredSource {
  const found = eventSources.find(({ source }) => source === name);
  if (found === undefined) throw new Error(`no events are declared for a service "${name}"`);
  return found;
}
