import { createServiceApp, type ServiceParts } from '@portico/runtime/service-app.ts';
import type { Express } from 'express';
import { createCatalogHandlers } from './catalog-handlers.ts';
import type { CatalogTables } from './database.ts';

/** The catalog service; `contracts/openapi/catalog.yaml` says what it does. */
export function createCatalog(parts: ServiceParts<CatalogTables>): Express {
  return createServiceApp('catalog', createCatalogHandlers(parts.db), parts);
}
