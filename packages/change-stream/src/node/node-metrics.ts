import { Gauge, type Metrics } from '@portico/runtime/metrics.ts';
import type { SourceState } from './change-node.ts';

/** Shows, source by source, how far behind this process is and whether what it keeps from there is used. */
export function createNodeMetrics(
  { registry }: Pick<Metrics, 'registry'>,
  states: () => readonly SourceState[],
) {
  new Gauge({
    name: 'portico_change_lag_seconds',
    help: 'Now minus the time of what a source said last',
    labelNames: ['source'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { source, lagMs } of states()) if (lagMs !== undefined) this.set({ source }, lagMs / 1000);
    },
  });
  new Gauge({
    name: 'portico_change_trusted',
    help: '1 if the changes of a source are known up to the bound, or else 0',
    labelNames: ['source'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { source, trusted } of states()) this.set({ source }, trusted ? 1 : 0);
    },
  });
}
