import { Counter, type Metrics } from '@portico/runtime/metrics.ts';

/** What the cache of one process counts. */
export interface CacheMetrics {
  /** Keys read, by how they were answered: the name of a level, `fill`, `joined` or `failed`. */
  readonly reads: Counter<'answer'>;
  /** Keys that were read from a service, by why no level could answer. */
  readonly misses: Counter<'reason'>;
  /** Reads and writes that a store could not do; those that were left out for earlier failures are not counted. */
  readonly storeFailures: Counter<'store' | 'operation'>;
}

export function createCacheMetrics({ registry }: Pick<Metrics, 'registry'>): CacheMetrics {
  return {
    reads: new Counter({
      name: 'portico_cache_reads_total',
      help: 'Keys read through the cache, by how they were answered',
      labelNames: ['answer'],
      registers: [registry],
    }),
    misses: new Counter({
      name: 'portico_cache_misses_total',
      help: 'Keys read from a service, by why the cache could not answer',
      labelNames: ['reason'],
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
