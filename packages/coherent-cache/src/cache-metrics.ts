import { Counter, type Metrics } from '@portico/runtime/metrics.ts';

/** What the cache of one process counts. */
export interface CacheMetrics {
  /** Reads of services (`of` is `part`) and whole answers (`whole`), by how they were answered: the name of a level, `fill`, `joined` or `failed`. */
  readonly reads: Counter<'answer' | 'of'>;
  /** Those that no level could answer, by why. */
  readonly misses: Counter<'reason' | 'of'>;
  /** Reads and writes that a store could not do; those that were left out for earlier failures are not counted. */
  readonly storeFailures: Counter<'store' | 'operation'>;
}

export function createCacheMetrics({ registry }: Pick<Metrics, 'registry'>): CacheMetrics {
  return {
    reads: new Counter({
      name: 'portico_cache_reads_total',
      help: 'Reads of services and whole answers, by how they were answered',
      labelNames: ['answer', 'of'],
      registers: [registry],
    }),
    misses: new Counter({
      name: 'portico_cache_misses_total',
      help: 'Reads of services and whole answers that were made anew, by why the cache could not answer',
      labelNames: ['reason', 'of'],
      registers: [registry],
    }),
    storeFailures: new Counter({
      name: 'portico_cache_store_failures_total',
      help: 'Reads and writes that a level of the cache could not do',
      labelNames: ['store', 'operation'],
      registers: [registry],
    }),
  };
}
