import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { drawBarChart } from './bar-chart.ts';
import { measureGatewayCpu } from './gateway-cpu.ts';
import { writeTable } from './write-table.ts';

const pictures = join(import.meta.dirname, '..', 'results');
const title = 'CPU time of a proxy per request';

const costs = await measureGatewayCpu({
  warmUpRequests: 20_000,
  rounds: 40,
  requestsPerRound: 2_000,
  connections: 16,
});
const rows = costs.map(({ name, cpuUs, ratio, ratioFrom, ratioTo }) => [
  name,
  `${cpuUs.toFixed(1)} µs`,
  `${ratio.toFixed(2)}`,
  `${ratioFrom.toFixed(2)} to ${ratioTo.toFixed(2)}`,
]);
process.stdout.write(`${title}\n\n${writeTable(['', 'median', 'ratio', 'middle half of ratios'], rows)}\n`);

mkdirSync(pictures, { recursive: true });
const picture = join(pictures, 'gateway-cpu.svg');
const bars = costs.map(({ name, cpuUs, ratio }) => {
  return { name, value: cpuUs, label: `${cpuUs.toFixed(0)} µs (${ratio.toFixed(2)})` };
});
writeFileSync(picture, drawBarChart(title, bars));
process.stdout.write(`Picture: ${picture}\n`);
