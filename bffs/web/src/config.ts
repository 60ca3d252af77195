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
  /** The most that a request may take, in milliseconds. */
  REQUEST_TIMEOUT_MS: Type.Integer({ minimum: 100, maximum: 60_000, default: 5_000 }),
});

/** @throws ConfigError */
export function readWebConfig(env: NodeJS.ProcessEnv) {
  return readConfig(settings, env);
}
