import { setTimeout as delay } from 'node:timers/promises';
import { estimateQuantile } from '@portico/runtime/metrics-summary.ts';
import { request } from 'undici';
import type { Child } from '../child.ts';
import type { Report } from '../report.ts';
import { atRate } from './at-rate.ts';
import { startMeasuredShop } from './start-shop.ts';

const productCount = 1_000;
const seconds = 20;
const patienceMs = 30_000;

/** Buckets of delays by their upper bounds in seconds; each count has those before it in it. */
type Delays = readonly { readonly upTo: number; readonly count: number }[];

/** Changes prices at steady rates, one a transaction, and reads from both BFFs how long after its commit each was applied. */
export async function reportCommitToCaches(ending: AsyncDisposableStack): Promise<Report> {
  const shop = await startMeasuredShop(productCount, ending);
  const bffs = await Promise.all(
    (['web', 'mobile'] as const).map((name) => shop.startBff(name, shop.follows, ending)),
  );
  const change = async (perSecond: number, duration: number) => {
    const before = await Promise.all(bffs.map(delaysOf));
    const changes = await atRate(perSecond, duration, (index) =>
      shop.raisePrice(`p${(index % productCount) + 1}`),
    );
    return Promise.all(bffs.map((bff, index) => newDelays(bff, before[index] ?? [], changes.length)));
  };
  // What runs for the first time is slow.
  await change(100, 5);
  const rates = [];
  for (const perSecond of [10, 100, 1_000]) rates.push({ perSecond, bffs: await change(perSecond, seconds) });

  const ms = (value: number | null) => (value === null ? 'over 10 s' : `${(value * 1_000).toFixed(1)} ms`);
  const quantiles = (delays: Delays) => [0.5, 0.99].map((share) => ms(estimateQuantile(share, delays)));
  return {
    title: 'From a commit until the BFFs answer with nothing older',
    note: `A price is changed by plain SQL for ${seconds} s at each rate, and nobody asks. By \`portico_change_delay_seconds\` of both BFFs: from the
commit's time, which is before the database waits for its disk, until its change is applied; quantiles are estimated from the buckets.`,
    heads: ['', 'web p50', 'p99', 'within 15 ms', 'mobile p50', 'p99', 'within 15 ms'],
    rows: rates.map(({ perSecond, bffs: delays }) => [
      `${perSecond} changes a second`,
      ...delays.flatMap((each) => [...quantiles(each), `${(100 * within(0.015, each)).toFixed(2)} %`]),
    ]),
  };
}

async function newDelays(bff: Child, before: Delays, count: number): Promise<Delays> {
  for (const start = performance.now(); performance.now() < start + patienceMs; await delay(50)) {
    const now = await delaysOf(bff);
    const added = now.map(({ upTo, count: all }, index) => ({
      upTo,
      count: all - (before[index]?.count ?? 0),
    }));
    if ((added.at(-1)?.count ?? 0) >= count) return added;
  }
  throw new Error(`${bff.url} did not apply ${count} changes`);
}

async function delaysOf({ admin }: Child): Promise<Delays> {
  const { body } = await request(`${admin}/metrics`);
  const lines = (await body.text()).matchAll(
    /^portico_change_delay_seconds_bucket\{le="([^"]+)",source="catalog"[^}]*\} (\d+)$/gm,
  );
  return [...lines].map(([, bound = '', count]) => ({
    upTo: bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound),
    count: Number(count),
  }));
}

function within(bound: number, delays: Delays): number {
  return (delays.find(({ upTo }) => upTo === bound)?.count ?? 0) / (delays.at(-1)?.count ?? 1);
}
