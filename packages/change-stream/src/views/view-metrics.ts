import { Gauge, type Metrics } from '@portico/runtime/metrics.ts';

export interface ViewState {
  readonly name: string;
  readonly isTrusted: () => boolean;
  /** How many records it is behind its process; undefined when it has failed. */
  readonly lag: () => number | undefined;
}

/** Shows how a view stands. A process has one. */
export function createViewMetrics(
  { registry }: Pick<Metrics, 'registry'>,
  { name, isTrusted, lag }: ViewState,
) {
  const gauge = (metric: string, help: string, value: () => number) =>
    new Gauge({
      name: metric,
      help,
      labelNames: ['view'],
      registers: [registry],
      collect() {
        this.set({ view: name }, value());
      },
    });
  gauge('portico_view_trusted', '1 if reads are answered from the view, or else 0', () =>
    isTrusted() ? 1 : 0,
  );
  gauge('portico_view_failed', '1 if the view stands before an event that it can not set aside', () =>
    lag() === undefined ? 1 : 0,
  );
  gauge(
    'portico_view_lag_records',
    'Records that the process has applied and the view has not',
    () => lag() ?? Number.NaN,
  );
}
