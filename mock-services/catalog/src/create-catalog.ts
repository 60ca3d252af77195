import { createServiceApp, type ServiceParts } from '@portico/runtime/service-app.ts';
import type { Express } from 'express';
import { createCatalogHandlers } from './catalog-handlers.ts';
import type { CatalogTables } from './database.ts';

export interface CatalogParts extends ServiceParts<CatalogTables> {
  /** Whether the ratings of all products are known; left out, nobody follows them and there is no order by rating. */
  readonly ratingsAreKnown?: (() => Promise<boolean>) | undefined;
}

/** The catalog service; `contracts/openapi/catalog.yaml` says what it does. */
export function createCatalog(parts: CatalogParts): Express {
  return createServiceApp('catalog', createCatalogHandlers(parts.db, parts.ratingsAreKnown), parts);
}
