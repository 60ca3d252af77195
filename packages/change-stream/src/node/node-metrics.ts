import { DurationHistogram } from '@portico/runtime/duration-histogram.ts';
import { Gauge, type Metrics } from '@portico/runtime/metrics.ts';
import type { HubRecord } from '../hub/event-hub.ts';
import type { SourceState } from './change-node.ts';

/**
 * Shows, source by source, how far behind this process is, whether what it keeps from there is used, and how long changes took.
 * @returns to be told of each change that is applied while the log is followed
 */
export function createNodeMetrics(
  { registry }: Pick<Metrics, 'registry'>,
  states: () => readonly SourceState[],
  now: () => number,
): (record: HubRecord) => void {
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
  const delay = new DurationHistogram({
    name: 'portico_change_delay_seconds',
    help: 'From a commit, by the clock of its source, until this process answers with nothing older',
    labelNames: ['source'],
    registry,
  });
  return ({ source, committedAt }) => delay.observe([source], Math.max(0, now() - committedAt) / 1000);
}
