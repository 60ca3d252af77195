import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { ConfigError, readConfig } from '@portico/runtime/config.ts';
import { postgresUrl, processSettings } from '@portico/runtime/process-config.ts';
import { tracingSettings } from '@portico/runtime/tracing.ts';
import Type from 'typebox';
import { keysSettings, toKeysOptions } from '../personal/keys-settings.ts';
import { postingSecret } from '../post/posting-secret.ts';

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
  ...keysSettings,
  ...tracingSettings,
});

/** The primary of the service's database, as a role that may replicate; a service without one isn't captured. */
const urlName = (source: string) => `CAPTURE_${source.toUpperCase()}_URL`;
/** What a service that posts its events proves itself with, instead of being captured. */
const secretName = (source: string) => `POST_${source.toUpperCase()}_SECRET`;

const names = eventSources.map(({ source }) => source);
const sourceSettings = Type.Object({
  ...Object.fromEntries(names.map((name) => [urlName(name), Type.Optional(postgresUrl)])),
  ...Object.fromEntries(names.map((name) => [secretName(name), Type.Optional(postingSecret)])),
});

/** @throws ConfigError */
export function readCaptureConfig(env: NodeJS.ProcessEnv) {
  const config = readConfig(settings, env);
  const ofSources: Readonly<Record<string, string | undefined>> = readConfig(sourceSettings, env);
  const urlOf = (source: string) => ofSources[urlName(source)];
  const secretOf = (source: string) => ofSources[secretName(source)];
  const both = names.find((name) => urlOf(name) !== undefined && secretOf(name) !== undefined);
  if (both !== undefined) {
    throw new ConfigError(
      `${urlName(both)} and ${secretName(both)} are both set: ${both} is captured or it posts`,
    );
  }
  return { ...config, personal: toKeysOptions(config), urlOf, secretOf };
}
