import { createHash } from 'node:crypto';

/**
 * The entity tag of a body before it is compressed. It is weak, because the same tag goes with every content coding of
 * the body, and a strong one may name a single sequence of bytes only (RFC 9110 section 8.8.3.3).
 */
export function toEntityTag(body: string): string {
  return `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
}

/** Whether `If-None-Match` names what has this tag, by weak comparison (RFC 9110 section 13.1.2). */
export function namesTag(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const opaque = opaqueTag(tag);
  return ifNoneMatch.split(',').some((entry) => entry.trim() === '*' || opaqueTag(entry.trim()) === opaque);
}

function opaqueTag(tag: string): string {
  return tag.replace(/^W\//, '');
}
