import { ConfigError } from '@portico/runtime/config.ts';
import { postgresUrl } from '@portico/runtime/process-config.ts';
import Type, { type Static } from 'typebox';
import type { PersonalKeysOptions } from './personal-keys.ts';

/** Both or none. */
export const keysSettings = {
  /** The database of the customers' keys, as the role that owns it. */
  PERSONAL_KEYS_URL: Type.Optional(postgresUrl),
  /** What these keys are wrapped by. */
  PERSONAL_MASTER_KEY: Type.Optional(
    Type.String({ minLength: 32, maxLength: 256, description: 'a secret of 32 characters or more' }),
  ),
};

const settings = Type.Object(keysSettings);

/** Which keys, where there are any. @throws ConfigError when one of the two settings is missing */
export function toKeysOptions({
  PERSONAL_KEYS_URL: url,
  PERSONAL_MASTER_KEY: masterKey,
}: Static<typeof settings>): Pick<PersonalKeysOptions, 'url' | 'masterKey'> | undefined {
  if (url !== undefined && masterKey !== undefined) return { url, masterKey };
  if (url === undefined && masterKey === undefined) return undefined;
  throw new ConfigError(
    'of PERSONAL_KEYS_URL and PERSONAL_MASTER_KEY one is set: expected both, or none and personal fields are withheld',
  );
}
