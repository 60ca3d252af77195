import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keysSettings, toKeysOptions } from '@portico/change-stream/personal/keys-settings.ts';
import type { PersonalKeysOptions } from '@portico/change-stream/personal/personal-keys.ts';
import { ConfigError, readConfig } from '@portico/runtime/config.ts';
import { postgresUrl, processSettings } from '@portico/runtime/process-config.ts';
import Type from 'typebox';

/** Where a lake is, as a setting. */
export const lakeUrl = Type.String({ pattern: '^file:///', description: 'a file:/// URL of a folder' });

const lakeSettings = Type.Object({
  LAKE_URL: Type.Optional(lakeUrl),
  PORTICO_DATA_DIR: Type.String({ default: '.portico' }),
});

const writerSettings = Type.Object({
  LOG_LEVEL: processSettings.LOG_LEVEL,
  ADMIN_PORT: processSettings.ADMIN_PORT,
  /** The hub's own database, as the role that owns it. */
  HUB_URL: postgresUrl,
  /** How much a segment holds before compression, in megabytes, and for how long one is open, in seconds. */
  LAKE_SEGMENT_MB: Type.Integer({ minimum: 1, maximum: 1_024, default: 64 }),
  LAKE_SEGMENT_SECONDS: Type.Integer({ minimum: 1, maximum: 86_400, default: 60 }),
});

/** The folder of the lake: that of `LAKE_URL`, or `lake` where the demo keeps its data. @throws ConfigError */
export function readLakeDir(env: NodeJS.ProcessEnv): string {
  const { LAKE_URL, PORTICO_DATA_DIR } = readConfig(lakeSettings, env);
  return LAKE_URL === undefined ? resolve(join(PORTICO_DATA_DIR, 'lake')) : fileURLToPath(LAKE_URL);
}

/** @throws ConfigError */
export function readWriterConfig(env: NodeJS.ProcessEnv) {
  return { ...readConfig(writerSettings, env), dir: readLakeDir(env) };
}

/** Where the keys of customers are, for whoever has to read what is personal. @throws ConfigError */
export function readKeysOptions(env: NodeJS.ProcessEnv): Pick<PersonalKeysOptions, 'url' | 'masterKey'> {
  const options = toKeysOptions(readConfig(Type.Object(keysSettings), env));
  if (options !== undefined) return options;
  throw new ConfigError('PERSONAL_KEYS_URL and PERSONAL_MASTER_KEY are not set: --personal needs them');
}
