import { createServiceApp, type ServiceParts } from '@portico/runtime/service-app.ts';
import type { Express } from 'express';
import type { ShippingTables } from './database.ts';
import { createShippingHandlers } from './shipping-handlers.ts';

/**
 * The shipping service; `contracts/openapi/shipping.yaml` says what it does.
 * @param leavesAfterMs how long after it was scheduled a shipment leaves
 */
export function createShipping(parts: ServiceParts<ShippingTables>, leavesAfterMs: number): Express {
  const { db, now = Date.now } = parts;
  const leavesAt = () => new Date(now() + leavesAfterMs);
  return createServiceApp('shipping', createShippingHandlers(db, leavesAt), parts);
}
