import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram, Registry } from 'prom-client';
import { DurationHistogram } from './duration-histogram.ts';

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const seconds = [0, 0.001, 0.0011, 0.3, 10, 10.1, 600];

test('a scrape shows what the histogram of prom-client would', async () => {
  const own = new Registry();
  const known = new Registry();
  const name = 'test_seconds';
  const help = 'Times';
  const histogram = new DurationHistogram({ name, help, labelNames: ['route', 'status'], registry: own });
  const expected = new Histogram({
    name,
    help,
    labelNames: ['route', 'status'],
    buckets,
    registers: [known],
  });
  for (const [index, value] of seconds.entries()) {
    const [route, status] = [`/${index % 2}`, 200 + (index % 3)];
    histogram.observe([route, status], value);
    expected.observe({ route, status }, value);
  }
  assert.deepEqual(await samples(own), await samples(known));
  own.resetMetrics();
  assert.deepEqual((await samples(own)).length, 2);
});

/** The lines of a scrape, with the labels of each in one order. */
async function samples(registry: Registry): Promise<string[]> {
  const lines = (await registry.metrics()).trim().split('\n');
  const ordered = (labels: string) => `{${labels.slice(1, -1).split(',').sort().join(',')}}`;
  return lines.map((line) => line.replace(/\{.*\}/, ordered)).sort();
}
