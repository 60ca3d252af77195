import type { CacheUse, RequestContext } from './request-context.ts';

/**
 * What an answer says of how it was made: the calls it took (`Server-Timing`, W3C), how far caches served it
 * (`Cache-Status`, RFC 9211), and how long ago its oldest part was read where nothing was asked for it (`Age`, RFC 9111);
 * and what its client has to see from now on (`Portico-Consistency`).
 * @param cacheName the answering process, as caches are named in `Cache-Status`
 */
export function answerHeaders(
  cacheName: string,
  { downstream, cache, consistency }: RequestContext,
): Readonly<Record<string, string>> {
  const isHit = cache.misses === 0 && cache.hits > 0;
  const { ageMs = 0 } = cache;
  const token = consistency?.token();
  return {
    'Server-Timing': `downstream;desc="calls=${downstream.calls}";dur=${downstream.durationMs.toFixed(1)}`,
    'Cache-Status': `${cacheName}; ${isHit ? hit(cache) : miss(cache)}`,
    ...(isHit && ageMs >= 1_000 ? { Age: String(Math.floor(ageMs / 1_000)) } : {}),
    ...(token === undefined ? {} : { 'Portico-Consistency': token }),
  };
}

/** `ttl` says that it lives by time, and how many seconds are left (RFC 9211 section 2.6); the detail, because of whom. */
function hit({ byTime }: CacheUse): string {
  if (byTime === undefined) return 'hit';
  return `hit; ttl=${Math.floor(byTime.leftMs / 1_000)}; detail="${byTimeDetail(byTime)}"`;
}

function miss({ hits, misses, byTime }: CacheUse): string {
  const detail = `hits=${hits},misses=${misses}`;
  return `fwd=miss; detail="${byTime === undefined ? detail : `${detail},${byTimeDetail(byTime)}`}"`;
}

function byTimeDetail({ sources }: NonNullable<CacheUse['byTime']>): string {
  return `by-time=${[...sources].sort().join('+')}`;
}
