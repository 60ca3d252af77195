import { Counter, DurationHistogram, type Metrics } from '@portico/runtime/metrics.ts';

/** The calls of all clients of one process, by service and outcome. */
export interface CallMetrics {
  readonly duration: DurationHistogram<'service' | 'outcome'>;
  readonly retries: Counter<'service'>;
}

export function createCallMetrics({ registry }: Metrics): CallMetrics {
  return {
    duration: new DurationHistogram({
      name: 'portico_service_call_duration_seconds',
      help: 'Time of one try of a call to a service',
      labelNames: ['service', 'outcome'],
      registry,
    }),
    retries: new Counter({
      name: 'portico_service_call_retries_total',
      help: 'Calls to a service that were tried again',
      labelNames: ['service'],
      registers: [registry],
    }),
  };
}
