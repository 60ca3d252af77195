import { coherentShopSettings } from '@portico/coherent-cache/open-shop.ts';
import { lakeUrl } from '@portico/event-lake/config.ts';
import { readConfig } from '@portico/runtime/config.ts';
import { identitySettings } from '@portico/runtime/identity.ts';
import { processSettings } from '@portico/runtime/process-config.ts';
import Type from 'typebox';

const settings = Type.Object({
  ...processSettings,
  ...coherentShopSettings,
  ...identitySettings,
  /** What the hub has let go of: views are rebuilt from it. Without one, from what the hub has. */
  LAKE_URL: Type.Optional(lakeUrl),
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
