import { Counter, Histogram, type Metrics } from '@portico/runtime/metrics.ts';

/** The calls of all clients of one process, by service and outcome. */
export interface CallMetrics {
  readonly duration: Histogram<'service' | 'outcome'>;
  readonly retries: Counter<'service'>;
}

export function createCallMetrics({ registry }: Metrics): CallMetrics {
  return {
    duration: new Histogram({
      name: 'portico_service_call_duration_seconds',
      help: 'Time of one try of a call to a service',
      labelNames: ['service', 'outcome'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers: [registry],
    }),
    retries: new Counter({
      name: 'portico_service_call_retries_total',
      help: 'Calls to a service that were tried again',
      labelNames: ['service'],
      registers: [registry],
    }),
  };
}
