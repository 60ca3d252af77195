import { createRandom } from '@portico/runtime/seeded-random.ts';
import type { Child } from '../child.ts';
import type { Report } from '../report.ts';
import { quantile } from '../statistics.ts';
import { openProductReads, type ProductReads } from './product-reads.ts';
import { type MeasuredShop, startMeasuredShop } from './start-shop.ts';
import { createZipf } from './zipf.ts';

export interface MixOptions {
  readonly products: number;
  /** Each client sends its next request when the answer to the one before has come. */
  readonly clients: number;
  /** Of all requests, the share that changes a price. */
  readonly writes: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface MixResult {
  readonly name: string;
  readonly readsPerSecond: number;
  readonly p99: number;
  readonly failed: number;
  readonly callsPerThousandReads: number;
  readonly stalePerThousandReads: number;
  /** The most that a read was behind: from the commit of the next price until the read of the older one was sent, in milliseconds. */
  readonly longestBehind: number;
}

/** The same phone BFF in three ways. */
const ways = [
  { name: 'no cache', env: () => ({ CACHE_TTL_MS: '0' }) },
  { name: 'TTL of 5 s', env: () => ({ CACHE_TTL_MS: '5000' }) },
  { name: 'coherent', env: ({ follows }: MeasuredShop) => follows },
];

const now = () => performance.now();

/** Pages of products through the mobile BFF while their prices change by plain SQL, with each way in turn. */
export async function measureMix(
  options: MixOptions,
  ending: AsyncDisposableStack,
): Promise<readonly MixResult[]> {
  const shop = await startMeasuredShop(options.products, ending);
  const results: MixResult[] = [];
  for (const { name, env } of ways) {
    await using mine = new AsyncDisposableStack();
    ending.defer(() => mine.disposeAsync());
    const bff = await shop.startBff('mobile', env(shop), mine);
    const reads = openProductReads('mobile', bff.url, options.clients, mine);
    const random = createRandom(1);
    const mix = { ...options, shop, reads, random, next: createZipf(options.products, random) };
    await runMix(mix, options.warmUpSeconds);
    const before = await serviceCalls(bff);
    const ran = await runMix(mix, options.seconds);
    const calls = (await serviceCalls(bff)) - before;
    results.push({ name, ...summarize(ran, calls, options.seconds) });
  }
  return results;
}

interface Mix extends MixOptions {
  readonly shop: MeasuredShop;
  readonly reads: ProductReads;
  readonly random: () => number;
  readonly next: () => number;
}

interface Ran {
  /** How long each read took, in milliseconds. */
  readonly took: number[];
  /** How far each stale read was behind, in milliseconds. */
  readonly behind: number[];
  failed: number;
}

async function runMix(mix: Mix, seconds: number): Promise<Ran> {
  const { shop, reads, random, next, writes, clients } = mix;
  const ran: Ran = { took: [], behind: [], failed: 0 };
  /** By product: each price with when the writer knew of its commit. They only rise. */
  const commits = new Map<string, { price: number; at: number }[]>();
  const endAt = now() + seconds * 1_000;

  const write = async (id: string) => {
    const price = await shop.raisePrice(id);
    const known = commits.get(id) ?? [];
    commits.set(id, known);
    known.push({ price, at: now() });
  };
  const read = async (id: string) => {
    const sentAt = now();
    const known = commits.get(id)?.length ?? 0;
    const price = await reads.price(id);
    if (price === undefined) ran.failed += 1;
    else {
      ran.took.push(now() - sentAt);
      const missed =
        commits
          .get(id)
          ?.slice(0, known)
          .filter((commit) => commit.price > price) ?? [];
      if (missed.length > 0) ran.behind.push(sentAt - Math.min(...missed.map(({ at }) => at)));
    }
  };
  const client = async () => {
    while (now() < endAt) {
      const id = `p${next()}`;
      await (random() < writes ? write(id) : read(id));
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return ran;
}

function summarize({ took, behind, failed }: Ran, calls: number, seconds: number): Omit<MixResult, 'name'> {
  const perThousand = (count: number) => (count * 1_000) / took.length;
  return {
    readsPerSecond: took.length / seconds,
    p99: quantile(took, 0.99),
    failed,
    callsPerThousandReads: perThousand(calls),
    stalePerThousandReads: perThousand(behind.length),
    longestBehind: Math.max(0, ...behind),
  };
}

/** How often it has called a service so far. */
async function serviceCalls({ admin }: Child): Promise<number> {
  const answer = await fetch(`${admin}/metrics`, { signal: AbortSignal.timeout(5_000) });
  const counts = (await answer.text()).matchAll(
    /^portico_service_call_duration_seconds_count\{.*\} (\d+)$/gm,
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Ten seconds with each way. */
export async function reportMix(ending: AsyncDisposableStack): Promise<Report> {
  const options = { products: 200, clients: 16, writes: 0.05, warmUpSeconds: 6, seconds: 10 };
  const results = await measureMix(options, ending);
  const [first] = results;
  const times = (value: number) => `${(value / (first?.readsPerSecond ?? Number.NaN)).toFixed(2)}`;
  return {
    title: '95 % reads and 5 % writes through the mobile BFF',
    note: `Pages of ${options.products} products by Zipf's law, ${options.clients} clients, each sends when it was answered. Stale: an older price than one whose commit
was known before the read was sent; behind: how long before.`,
    heads: [
      '',
      'reads a second',
      'ratio',
      'p99',
      'service calls per 1,000 reads',
      'stale per 1,000',
      'longest behind',
      'failed',
    ],
    rows: results.map((each) => [
      each.name,
      each.readsPerSecond.toFixed(0),
      times(each.readsPerSecond),
      `${each.p99.toFixed(1)} ms`,
      each.callsPerThousandReads.toFixed(0),
      each.stalePerThousandReads.toFixed(2),
      `${each.longestBehind.toFixed(1)} ms`,
      `${each.failed}`,
    ]),
    bars: results.map(({ name, readsPerSecond }) => {
      return {
        name,
        value: readsPerSecond,
        label: `${readsPerSecond.toFixed(0)} a second (${times(readsPerSecond)})`,
      };
    }),
  };
}
