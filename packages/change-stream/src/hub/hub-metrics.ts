import type { Logger } from '@portico/runtime/log.ts';
import { Gauge, type Metrics } from '@portico/runtime/metrics.ts';
import type { DurableEventHub } from './event-hub.ts';

export interface HubMetricsOptions {
  readonly hub: Pick<DurableEventHub, 'consumers'>;
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** How long whoever looks waits for the hub, in milliseconds. */
  readonly waitMs?: number;
}

/** Says of each durable consumer what the hub keeps for it, asked when somebody looks; nothing while the hub is away. */
export function createHubMetrics({ registry }: Metrics, options: HubMetricsOptions): void {
  const { hub, log, now = Date.now, waitMs = 1_000 } = options;
  const gauge = (name: string, help: string) =>
    new Gauge({
      name: `portico_hub_consumer_${name}`,
      help,
      labelNames: ['consumer'],
      registers: [registry],
      collect: () => asked(),
    });
  const behind = gauge('behind_records', 'Records that a durable consumer has not said it is done with');
  const held = gauge(
    'holds_seconds',
    'Age of the oldest record that the hub keeps for a durable consumer, whatever its age',
  );
  const ask = async () => {
    const consumers = await Promise.race([hub.consumers(), failAfter(waitMs)]).catch((error: unknown) => {
      log.warn({ err: error }, 'the hub does not say how far its consumers are');
      return [];
    });
    behind.reset();
    held.reset();
    for (const { name, behind: records, oldestAt } of consumers) {
      behind.set({ consumer: name }, records);
      held.set({ consumer: name }, oldestAt === undefined ? 0 : Math.max(0, now() - oldestAt) / 1_000);
    }
  };
  let asking: Promise<void> | undefined;
  /** Both gauges are collected at once, and share an answer. */
  const asked = () => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

function failAfter(ms: number): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms).unref();
  });
}
