import { createServiceApp, type ServiceParts } from '@portico/runtime/service-app.ts';
import type { Express } from 'express';
import { createCustomersHandlers } from './customers-handlers.ts';
import type { CustomersTables } from './database.ts';

/** The customers service; `contracts/openapi/customers.yaml` says what it does. */
export function createCustomers(parts: ServiceParts<CustomersTables>): Express {
  return createServiceApp('customers', createCustomersHandlers(parts.db, parts.now ?? Date.now), parts);
}
