import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';

/** Wraps the keys of customers: without it their table is worth nothing. */
export interface MasterKey {
  /** Tells this master key from all others, and says nothing of it. */
  readonly mark: Buffer;
  /** @param owner what the key belongs to; it opens for nothing else @param nonce 12 random bytes */
  wrap(secret: Buffer, owner: string, nonce: Buffer): Buffer;
  /** @throws Error when it was wrapped by another master key, for another owner, or was changed since */
  unwrap(wrapped: Buffer, owner: string): Buffer;
}

const cipher = 'aes-256-gcm';
const tag = { authTagLength: 16 };
const nonceBytes = 12;

/** @param secret of 32 characters or more */
export function createMasterKey(secret: string): MasterKey {
  const derive = (use: string) => Buffer.from(hkdfSync('sha256', secret, '', `portico personal ${use}`, 32));
  const key = derive('wrap');
  return {
    mark: createHmac('sha256', derive('mark')).update('portico').digest(),
    wrap: (bytes, owner, nonce) => {
      const wrapping = createCipheriv(cipher, key, nonce, tag).setAAD(Buffer.from(owner));
      const wrapped = Buffer.concat([wrapping.update(bytes), wrapping.final()]);
      return Buffer.concat([nonce, wrapping.getAuthTag(), wrapped]);
    },
    unwrap: (wrapped, owner) => {
      const end = nonceBytes + tag.authTagLength;
      const unwrapping = createDecipheriv(cipher, key, wrapped.subarray(0, nonceBytes), tag)
        .setAAD(Buffer.from(owner))
        .setAuthTag(wrapped.subarray(nonceBytes, end));
      return Buffer.concat([unwrapping.update(wrapped.subarray(end)), unwrapping.final()]);
    },
  };
}
