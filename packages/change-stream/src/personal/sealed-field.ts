import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** The key of one customer, as it is used. */
export interface PersonalKey {
  readonly id: string;
  readonly encryption: KeyObject;
  readonly nonces: KeyObject;
}

/** @param id random: 22 characters of base64url @param secret 32 random bytes */
export function toPersonalKey(id: string, secret: Buffer): PersonalKey {
  const derive = (use: string) => createSecretKey(createHmac('sha256', secret).update(use).digest());
  return { id, encryption: derive('encryption'), nonces: derive('nonces') };
}

/** Where a field stands: a text that was moved elsewhere doesn't open. */
export interface FieldPlace {
  readonly source: string;
  /** The id of the event. */
  readonly event: string;
  readonly side: 'before' | 'after';
  readonly member: string;
  readonly customer: string;
}

/** Stands for what nobody may read: the customer was forgotten, or there are no keys here. */
export const withheld = 'personal:1:withheld';

const cipher = 'aes-256-gcm';
const tag = { authTagLength: 16 };
const nonceBytes = 12;
const form = /^personal:1:([A-Za-z0-9_-]{22}):([A-Za-z0-9_-]{38,})$/;

/**
 * `personal:1:<id of the key>:<base64url of nonce, tag and ciphertext>`, by AES-256-GCM with the place as additional data.
 *
 * The same text at the same place has the same form whenever it is captured. So the nonce is an HMAC of place and text under a key of
 * its own, as a synthetic IV (RFC 5297) is: it repeats where place and text do, which says nothing, and else as rarely as 96
 * random bits do.
 */
export function sealField(text: string, key: PersonalKey, place: FieldPlace): string {
  const context = contextOf(key, place);
  const digest = createHmac('sha256', key.nonces).update(context).update(text, 'utf8').digest();
  const nonce = digest.subarray(0, nonceBytes);
  const sealing = createCipheriv(cipher, key.encryption, nonce, tag).setAAD(Buffer.from(context));
  const sealed = Buffer.concat([sealing.update(text, 'utf8'), sealing.final()]);
  return `personal:1:${key.id}:${Buffer.concat([nonce, sealing.getAuthTag(), sealed]).toString('base64url')}`;
}

/** The id of the key that a field was sealed with; undefined for anything that is no sealed field. */
export function keyIdOf(field: unknown): string | undefined {
  return typeof field === 'string' ? form.exec(field)?.[1] : undefined;
}

/** The text of a sealed field; null where it was sealed with another key, for another place, or was changed since. */
export function openField(field: string, key: PersonalKey, place: FieldPlace): string | null {
  const [, id, encoded] = form.exec(field) ?? [];
  if (id !== key.id || encoded === undefined) return null;
  const bytes = Buffer.from(encoded, 'base64url');
  // One text has one form: base64url has several for the bits that are left over.
  if (bytes.toString('base64url') !== encoded) return null;
  const nonce = bytes.subarray(0, nonceBytes);
  const sealed = bytes.subarray(nonceBytes + tag.authTagLength);
  try {
    const opening = createDecipheriv(cipher, key.encryption, nonce, tag)
      .setAAD(Buffer.from(contextOf(key, place)))
      .setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tag.authTagLength));
    return Buffer.concat([opening.update(sealed), opening.final()]).toString('utf8');
  } catch {
    return null;
  }
}

/** A list of texts as JSON ends where it ends: no two places have one context, whatever text follows. */
function contextOf(key: PersonalKey, { source, event, side, member, customer }: FieldPlace): string {
  return JSON.stringify([source, event, side, member, customer, key.id]);
}
