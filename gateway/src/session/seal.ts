import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Encrypts and signs text that others keep for us: a store, a browser. */
export interface Sealer {
  /** @param place where it is kept: what is found in another place is not taken */
  seal(text: string, place: string): string;
  /** Undefined for what wasn't sealed with our secrets, for this place. */
  unseal(sealed: string, place: string): string | undefined;
}

const cipher = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

/**
 * Seals by AES-256-GCM with a key made of the first secret (HKDF, RFC 5869), and unseals with that of any.
 * @param secrets the current one, and those before it
 * @param purpose what the key is for, so that what was sealed for one is nothing for another
 */
export function createSealer(secrets: readonly string[], purpose: string): Sealer {
  const keys = secrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', `portico ${purpose}`, 32)));
  const [current] = keys;
  if (current === undefined) throw new Error('there is no secret to seal with');
  return {
    seal: (text, place) => {
      const iv = randomBytes(ivBytes);
      const encrypt = createCipheriv(cipher, current, iv).setAAD(Buffer.from(place));
      const sealed = [encrypt.update(text, 'utf8'), encrypt.final()];
      return Buffer.concat([iv, encrypt.getAuthTag(), ...sealed]).toString('base64url');
    },
    unseal: (sealed, place) => {
      const bytes = Buffer.from(sealed, 'base64url');
      for (const key of keys) {
        const text = decrypt(bytes, key, place);
        if (text !== undefined) return text;
      }
      return undefined;
    },
  };
}

function decrypt(bytes: Buffer, key: Buffer, place: string): string | undefined {
  if (bytes.length < ivBytes + tagBytes) return undefined;
  const iv = bytes.subarray(0, ivBytes);
  const decipher = createDecipheriv(cipher, key, iv, { authTagLength: tagBytes })
    .setAAD(Buffer.from(place))
    .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
  try {
    return decipher.update(bytes.subarray(ivBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return undefined;
  }
}
