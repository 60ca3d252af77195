import { readConfig } from '@portico/runtime/config.ts';
import { processSettings } from '@portico/runtime/process-config.ts';
import Type from 'typebox';

const postgresUrl = Type.String({ pattern: '^postgres(ql)?://', description: 'a postgres:// URL' });
const sourceUrl = Type.Optional(postgresUrl);

const settings = Type.Object({
  LOG_LEVEL: processSettings.LOG_LEVEL,
  ADMIN_PORT: processSettings.ADMIN_PORT,
  /** The hub's own database, as the role that owns it. */
  HUB_URL: postgresUrl,
  /** The primary of each service's database, as a role that may replicate; a service without one isn't captured. */
  CAPTURE_CATALOG_URL: sourceUrl,
  CAPTURE_INVENTORY_URL: sourceUrl,
  CAPTURE_REVIEWS_URL: sourceUrl,
  CAPTURE_CUSTOMERS_URL: sourceUrl,
});

/** @throws ConfigError */
export function readCaptureConfig(env: NodeJS.ProcessEnv) {
  const config = readConfig(settings, env);
  const urls: Readonly<Record<string, string | undefined>> = {
    catalog: config.CAPTURE_CATALOG_URL,
    inventory: config.CAPTURE_INVENTORY_URL,
    reviews: config.CAPTURE_REVIEWS_URL,
    customers: config.CAPTURE_CUSTOMERS_URL,
  };
  return { ...config, urlOf: (source: string) => urls[source] };
}
