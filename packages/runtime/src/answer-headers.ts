import type { RequestContext } from './request-context.ts';

/**
 * What an answer says of how it was made: the calls it took (`Server-Timing`, W3C) and how far caches served it
 * (`Cache-Status`, RFC 9211).
 * @param cacheName the answering process, as caches are named in `Cache-Status`
 */
export function answerHeaders(
  cacheName: string,
  { downstream, cache }: RequestContext,
): Readonly<Record<string, string>> {
  const { hits, misses } = cache;
  const served = misses === 0 && hits > 0 ? 'hit' : `fwd=miss; detail="hits=${hits},misses=${misses}"`;
  return {
    'Server-Timing': `downstream;desc="calls=${downstream.calls}";dur=${downstream.durationMs.toFixed(1)}`,
    'Cache-Status': `${cacheName}; ${served}`,
  };
}
