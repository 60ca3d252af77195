import type { Response } from 'express';
import { namesTag, toEntityTag } from './entity-tag.ts';

/**
 * Answers a GET or HEAD with a whole body and its entity tag, or with 304 when the client has it already. What else the
 * answer says is set before, as a 304 repeats it (RFC 9110 section 15.4.5).
 * @param tag of the body, where it is known already
 */
export function writeRepresentation(
  res: Response,
  type: string,
  body: string,
  tag = toEntityTag(body),
): void {
  res.setHeader('ETag', tag);
  if (namesTag(res.req.headers['if-none-match'], tag)) {
    res.status(304).end();
    return;
  }
  res.setHeader('Content-Type', type);
  // Compression makes it another length, and does nothing to HEAD: a HEAD can't tell the length that GET would have.
  if (res.req.method !== 'HEAD') res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
}
