import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { drawBarChart } from './bar-chart.ts';
import { measureCommitToCoherent } from './coherence/commit-to-coherent.ts';
import { startMeasuredShop } from './coherence/start-shop.ts';
import { measureGatewayCpu } from './gateway-cpu.ts';
import { writeTable } from './write-table.ts';

const pictures = join(import.meta.dirname, '..', 'results');
const title = 'CPU time of a proxy per request';

const costs = await measureGatewayCpu({
  warmUpRequests: 20_000,
  rounds: 100,
  requestsPerRound: 1_000,
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

const coherenceTitle = 'From a commit until two processes have applied it';
const shop = await startMeasuredShop(1_000);
const delays = await measureCommitToCoherent(shop, [10, 100, 1_000], 10);
await shop.close();
const ms = (value: number) => `${value.toFixed(1)} ms`;
const delayRows = delays.map(({ perSecond, commitP50, p50, p99, worst }) => [
  `${perSecond} changes a second`,
  ms(commitP50),
  ms(p50),
  ms(p99),
  ms(worst),
]);
const delayHeads = ['', 'commit itself, p50', 'p50', 'p99', 'worst'];
process.stdout.write(`\n${coherenceTitle}\n\n${writeTable(delayHeads, delayRows)}\n`);
const delayPicture = join(pictures, 'commit-to-coherent.svg');
const delayBars = delays.flatMap(({ perSecond, p50, p99 }) => [
  { name: `${perSecond} a second, p50`, value: p50, label: ms(p50) },
  { name: `${perSecond} a second, p99`, value: p99, label: ms(p99) },
]);
writeFileSync(delayPicture, drawBarChart(coherenceTitle, delayBars));
process.stdout.write(`Picture: ${delayPicture}\n`);
