import { createServiceApp, type ServiceParts } from '@portico/runtime/service-app.ts';
import type { Express } from 'express';
import { type Commit, loggedCommit } from './commit.ts';
import type { InventoryTables } from './database.ts';
import { createInventoryHandlers } from './inventory-handlers.ts';

/** The inventory service; `contracts/openapi/inventory.yaml` says what it does. */
export function createInventory(
  parts: ServiceParts<InventoryTables>,
  commit: Commit = loggedCommit,
): Express {
  return createServiceApp('inventory', createInventoryHandlers(parts.db, commit), parts);
}
