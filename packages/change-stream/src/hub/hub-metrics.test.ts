import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import type { ConsumerBacklog } from './event-hub.ts';
import { createHubMetrics } from './hub-metrics.ts';

test('what a hub that is away or hangs keeps is not said, and all other metrics are', async () => {
  const metrics = createMetrics('test');
  let consumers = async (): Promise<readonly ConsumerBacklog[]> => [
    { name: 'lake', behind: 3, oldestAt: 40_000 },
  ];
  const hub = { consumers: () => consumers() };
  createHubMetrics(metrics, { hub, log: silentLogger, now: () => 100_000, waitMs: 1 });
  const said = async () => {
    const text = await metrics.registry.metrics();
    assert.match(text, /^process_cpu_seconds_total/m);
    return [...text.matchAll(/^portico_hub_consumer_(\w+)\{consumer="lake",.*\} (.+)$/gm)].map(
      ([, name, value]) => `${name} ${value}`,
    );
  };
  assert.deepEqual(await said(), ['behind_records 3', 'holds_seconds 60']);
  consumers = () => Promise.reject(new Error('away'));
  assert.deepEqual(await said(), []);
  consumers = () => new Promise(() => {});
  assert.deepEqual(await said(), []);
});
