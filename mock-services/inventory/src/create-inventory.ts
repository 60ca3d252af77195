import { createServiceApp, type ServiceParts } from '@portico/runtime/service-app.ts';
import type { Express } from 'express';
import type { InventoryTables } from './database.ts';
import { createInventoryHandlers } from './inventory-handlers.ts';

/** The inventory service; `contracts/openapi/inventory.yaml` says what it does. */
export function createInventory(parts: ServiceParts<InventoryTables>): Express {
  return createServiceApp('inventory', createInventoryHandlers(parts.db), parts);
}
