import { ConfigError, readConfig } from '@portico/runtime/config.ts';
import { postgresUrl, processSettings } from '@portico/runtime/process-config.ts';
import Type from 'typebox';
import { postingSecret } from '../post/posting-secret.ts';

const sourceUrl = Type.Optional(postgresUrl);

const secret = Type.Optional(postingSecret);

const settings = Type.Object({
  LOG_LEVEL: processSettings.LOG_LEVEL,
  ADMIN_PORT: processSettings.ADMIN_PORT,
  /** Where services post their events. */
  PORTICO_HOST: processSettings.PORTICO_HOST,
  PORT: processSettings.PORT,
  /** The hub's own database, as the role that owns it. */
  HUB_URL: postgresUrl,
  /** How long the hub keeps a record at least. */
  HUB_KEEP_DAYS: Type.Integer({ minimum: 1, maximum: 3_650, default: 7 }),
  /** The primary of each service's database, as a role that may replicate; a service without one isn't captured. */
  CAPTURE_CATALOG_URL: sourceUrl,
  CAPTURE_INVENTORY_URL: sourceUrl,
  CAPTURE_REVIEWS_URL: sourceUrl,
  CAPTURE_CUSTOMERS_URL: sourceUrl,
  /** What a service that posts its events proves itself with, instead of being captured. */
  POST_CATALOG_SECRET: secret,
  POST_INVENTORY_SECRET: secret,
  POST_REVIEWS_SECRET: secret,
  POST_CUSTOMERS_SECRET: secret,
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
  const secrets: Readonly<Record<string, string | undefined>> = {
    catalog: config.POST_CATALOG_SECRET,
    inventory: config.POST_INVENTORY_SECRET,
    reviews: config.POST_REVIEWS_SECRET,
    customers: config.POST_CUSTOMERS_SECRET,
  };
  const both = Object.keys(urls).find(
    (source) => urls[source] !== undefined && secrets[source] !== undefined,
  );
  if (both !== undefined) {
    const name = both.toUpperCase();
    throw new ConfigError(
      `CAPTURE_${name}_URL and POST_${name}_SECRET are both set: ${both} is captured or it posts`,
    );
  }
  return {
    ...config,
    urlOf: (source: string) => urls[source],
    secretOf: (source: string) => secrets[source],
  };
}
