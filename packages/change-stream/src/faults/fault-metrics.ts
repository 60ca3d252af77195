import { Counter, Gauge, type Metrics } from '@portico/runtime/metrics.ts';

/**
 * Shows how many faults consumers have. A process has one.
 * @param countOpen by consumer; a count that can't be had now is left out
 * @returns counts a fault that this process has opened
 */
export function createFaultMetrics(
  { registry }: Pick<Metrics, 'registry'>,
  consumer: string,
  countOpen: () => Promise<number>,
): { opened(): void } {
  new Gauge({
    name: 'portico_faults',
    help: 'Events that are set aside because the consumer does not understand them',
    labelNames: ['consumer'],
    registers: [registry],
    async collect() {
      this.reset();
      const count = await countOpen().catch(() => undefined);
      if (count !== undefined) this.set({ consumer }, count);
    },
  });
  const total = new Counter({
    name: 'portico_faults_total',
    help: 'Events that this process has set aside',
    labelNames: ['consumer'],
    registers: [registry],
  });
  total.inc({ consumer }, 0);
  return { opened: () => total.inc({ consumer }) };
}
