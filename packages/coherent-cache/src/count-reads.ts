import type { RequestContext } from '@portico/runtime/request-context.ts';
import type { CacheRead } from './read-cache.ts';

/** For `Cache-Status` and `Age`: a hit was stored (RFC 9211 section 2.1); joining the call of another request is a miss. */
export function countReads(
  reads: readonly CacheRead<unknown>[],
  { cache }: Pick<RequestContext, 'cache'>,
): void {
  for (const read of reads) {
    if (read.source === 'fill' || read.source === 'joined') cache.misses += 1;
    else cache.hits += 1;
    if (!('value' in read)) continue;
    cache.ageMs = Math.max(cache.ageMs ?? 0, read.ageMs);
    if (read.byTime === undefined) continue;
    const { sources, leftMs } = read.byTime;
    cache.byTime ??= { sources: new Set(), leftMs };
    cache.byTime.leftMs = Math.min(cache.byTime.leftMs, leftMs);
    for (const source of sources) cache.byTime.sources.add(source);
  }
}
