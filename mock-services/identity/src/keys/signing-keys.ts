import { generateKeyPairSync, type JsonWebKeyInput, randomUUID } from 'node:crypto';
import type { KeyFolder } from './key-folder.ts';

/** A private key as a JWK (RFC 7517). */
export type SigningKey = JsonWebKeyInput['key'] & { readonly kid: string };

export interface SigningKeys {
  /** The newest first, which signs; all of them are published. */
  current(): readonly SigningKey[];
  /** Makes the key that signs from now on. */
  rotate(): void;
}

/** Of so many rotations in the life of a token it survives all but the last. */
const maxKeys = 5;

/** The provider's keys, made when the folder has none. Tokens stay valid as long as the folder does. */
export function openSigningKeys(folder: KeyFolder, createKey: () => SigningKey = createRsaKey): SigningKeys {
  let keys = folder.read();
  const rotate = () => {
    keys = [createKey(), ...keys].slice(0, maxKeys);
    folder.write(keys);
  };
  if (keys.length === 0) rotate();
  return { current: () => keys, rotate };
}

/** RSA, as every request verifies a signature several times and few are made: it is the cheapest to verify. */
function createRsaKey(): SigningKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'RS256', use: 'sig' };
}
