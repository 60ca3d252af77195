import { createHash, randomBytes } from 'node:crypto';

/** What a cookie holds: 256 random bits that mean nothing. */
export function newSessionToken(): string {
  return randomBytes(32).toString('base64url');
}

const form = /^[\w-]{43}$/;

/** What the store knows a session by; undefined for what can't be one of a cookie. Nothing leads back from it to the cookie. */
export function toSessionId(token: string): string | undefined {
  return form.test(token) ? hashOf(token) : undefined;
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
