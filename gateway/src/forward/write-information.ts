import type { InformationEvent, ServerResponse } from 'node:http';
import type { AnswerFields } from './answer-fields.ts';

/**
 * Passes on what an upstream says before its answer (RFC 9110 section 15.2): 103 with its links, as far as they are plain
 * text, and 102. A 100 is about an expectation that the gateway has met itself, and of others nobody knows what they mean.
 * HTTP/1.0 has none.
 */
export function writeInformation(
  { statusCode, rawHeaders }: InformationEvent,
  res: ServerResponse,
  { withheld }: AnswerFields,
): void {
  if (res.headersSent || res.destroyed || res.req.httpVersion !== '1.1') return;
  if (statusCode === 102) res.writeProcessing();
  if (statusCode !== 103 || withheld.has('link')) return;
  const links: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const value = rawHeaders[index + 1] as string;
    if (rawHeaders[index]?.toLowerCase() === 'link' && /^[\t -~]+$/.test(value)) links.push('Link', value);
  }
  if (links.length > 0) res.writeInformation(103, links);
}
