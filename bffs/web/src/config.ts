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
  /** How many event streams may be open at a time. */
  EVENT_STREAMS: Type.Integer({ minimum: 1, maximum: 100_000, default: 5_000 }),
  /** How many of them may be one user's, or one address's of visitors. */
  EVENT_STREAMS_OF_CLIENT: Type.Integer({ minimum: 1, maximum: 100_000, default: 200 }),
});

/** @throws ConfigError */
export function readWebConfig(env: NodeJS.ProcessEnv) {
  return readConfig(settings, env);
}
