import type { IncomingMessage } from 'node:http';
import type { Scheme } from './client-scheme.ts';
import { makePrivate } from './private-answer.ts';

/** The token that says what a client has to see: the name of the field, in lower case, and of the cookie. */
const fieldName = 'portico-consistency';
const token = /^[\w.-]{1,1024}$/;

/** So long a browser keeps it, in seconds: by then all instances show what it asks for. */
const maxAgeS = 10;

/** The token of the request's cookie; undefined where there is none that could be one. */
export function tokenOfCookie(req: IncomingMessage): string | undefined {
  const pairs = (req.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const value = pairs.find((pair) => pair.startsWith(`${fieldName}=`))?.slice(fieldName.length + 1);
  return value !== undefined && token.test(value) ? value : undefined;
}

/**
 * Adds the cookie with the answer's token to its fields, which are names and values in turn. An answer with a cookie is for
 * one client, whatever the upstream says of caches.
 */
export function addConsistencyCookie(fields: string[], scheme: Scheme): void {
  const value = fieldOf(fields, fieldName);
  if (value === undefined || !token.test(value)) return;
  const secure = scheme === 'https' ? '; Secure' : '';
  const attributes = `Max-Age=${maxAgeS}; Path=/; HttpOnly; SameSite=Strict${secure}`;
  fields.push('Set-Cookie', `${fieldName}=${value}; ${attributes}`);
  if (!/\b(?:private|no-store)\b/i.test(fieldOf(fields, 'cache-control') ?? '')) makePrivate(fields);
}

function fieldOf(fields: readonly string[], wanted: string): string | undefined {
  for (let index = 0; index < fields.length; index += 2) {
    if (fields[index]?.toLowerCase() === wanted) return fields[index + 1];
  }
  return undefined;
}
