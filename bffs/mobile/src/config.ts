import { readConfig } from '@portico/runtime/config.ts';
import { httpUrl, processSettings } from '@portico/runtime/process-config.ts';
import Type from 'typebox';

const settings = Type.Object({
  ...processSettings,
  CATALOG_URL: httpUrl,
  INVENTORY_URL: httpUrl,
  REVIEWS_URL: httpUrl,
  CUSTOMERS_URL: httpUrl,
  /** The cache level that all instances share; without it each has only its own. */
  REDIS_URL: Type.Optional(
    Type.String({ pattern: '^rediss?://', description: 'a redis:// or rediss:// URL' }),
  ),
  /** How long what was read from a service is good for. */
  CACHE_TTL_MS: Type.Integer({ minimum: 0, maximum: 60_000, default: 1_000 }),
  /** The most that one request may take. */
  REQUEST_TIMEOUT_MS: Type.Integer({ minimum: 1, maximum: 60_000, default: 5_000 }),
  /** The oldest version of the app that understands the answers. */
  MIN_APP_VERSION: Type.String({
    pattern: '^[0-9]{1,9}\\.[0-9]{1,9}\\.[0-9]{1,9}$',
    description: 'three numbers such as 1.4.0',
    default: '1.0.0',
  }),
});

/** @throws ConfigError */
export function readMobileConfig(env: NodeJS.ProcessEnv) {
  return readConfig(settings, env);
}
