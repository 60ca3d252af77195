import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '../report.ts';
import { quantile } from '../statistics.ts';
import { atRate } from './at-rate.ts';
import { openProductReads, type ProductReads } from './product-reads.ts';
import { type MeasuredShop, startMeasuredShop } from './start-shop.ts';

/** Of one change, in milliseconds. */
interface Delays {
  /** What the commit itself took. */
  readonly commit: number;
  /** From the moment at which the writer knew of its commit until the BFF answered with it. */
  readonly web: number;
  readonly mobile: number;
}

export interface Rate {
  readonly perSecond: number;
  /** Every how many changes one is asked for: asking must not become the load. */
  readonly askEvery: number;
}

interface Fronts {
  readonly web: ProductReads;
  readonly mobile: ProductReads;
}

const productCount = 1_000;
/** How long it may take: a machine that can't follow a rate answers errors, until the changes have ended. */
const patienceMs = 30_000;
/**
 * From an old answer to the next question: who asks without a pause takes the processors from those that are asked. It grows
 * with the time that has passed, or more and more would ask where a busy machine falls behind.
 */
const pauseMs = (waitedMs: number) => Math.max(1, waitedMs / 10);
const now = () => performance.now();

/** Changes prices at steady rates, one a transaction, and asks both BFFs for the product until they answer with it. */
export async function measureCommitToAnswers(
  rates: readonly Rate[],
  seconds: number,
  ending: AsyncDisposableStack,
): Promise<readonly (Rate & { readonly delays: readonly Delays[] })[]> {
  const shop = await startMeasuredShop(productCount, ending);
  const [web, mobile] = await Promise.all([
    shop.startBff('web', shop.follows, ending),
    shop.startBff('mobile', shop.follows, ending),
  ]);
  const fronts = {
    web: openProductReads('web', web.url, 32, ending),
    mobile: openProductReads('mobile', mobile.url, 32, ending),
  };
  // What runs for the first time is slow.
  for (let at = 1; at <= 200; at += 1) await changeAndAsk(shop, fronts, `p${at}`);
  await changeAtRate(shop, fronts, { perSecond: 100, askEvery: 5 }, 3);
  const results = [];
  for (const rate of rates)
    results.push({ ...rate, delays: await changeAtRate(shop, fronts, rate, seconds) });
  return results;
}

async function changeAtRate(
  shop: MeasuredShop,
  fronts: Fronts,
  { perSecond, askEvery }: Rate,
  seconds: number,
): Promise<Delays[]> {
  const delays = await atRate(perSecond, seconds, async (index) => {
    const id = `p${(index % productCount) + 1}`;
    if (index % askEvery === 0) return changeAndAsk(shop, fronts, id);
    await shop.raisePrice(id);
    return undefined;
  });
  return delays.filter((each) => each !== undefined);
}

/** Both have the product in their caches before it changes. */
async function changeAndAsk(shop: MeasuredShop, { web, mobile }: Fronts, id: string): Promise<Delays> {
  await Promise.all([web.price(id), mobile.price(id)]);
  const began = now();
  const price = await shop.raisePrice(id);
  const committed = now();
  const [webAt, mobileAt] = await Promise.all([
    untilItShows(web, id, price),
    untilItShows(mobile, id, price),
  ]);
  return { commit: committed - began, web: webAt - committed, mobile: mobileAt - committed };
}

/** Asks at once, and again after each older price; gives when the answer had come that showed this one. */
async function untilItShows(front: ProductReads, id: string, price: number): Promise<number> {
  let shown: number | undefined;
  for (const start = now(); now() < start + patienceMs; await delay(pauseMs(now() - start))) {
    shown = await front.price(id);
    if (shown !== undefined && shown >= price) return now();
  }
  throw new Error(`${id} did not show its price of ${price}: ${shown ?? 'an error was answered'}`);
}

const ms = (value: number) => `${value.toFixed(1)} ms`;

/** Ten seconds at each rate; at most twenty changes a second are asked for. */
export async function reportCommitToAnswers(ending: AsyncDisposableStack): Promise<Report> {
  const rates = [
    { perSecond: 10, askEvery: 1 },
    { perSecond: 100, askEvery: 5 },
    { perSecond: 1_000, askEvery: 50 },
  ];
  const results = (await measureCommitToAnswers(rates, 10, ending)).map(({ perSecond, delays }) => {
    const of = (delay: (each: Delays) => number) => (share: number) => quantile(delays.map(delay), share);
    const both = of(({ web, mobile }) => Math.max(web, mobile));
    const [commit, web, mobile] = [
      of((each) => each.commit),
      of((each) => each.web),
      of((each) => each.mobile),
    ];
    return { name: `${perSecond} changes a second`, commit, web, mobile, both };
  });
  return {
    title: 'From a commit until the BFFs answer with it',
    note: `A price is changed by plain SQL. Both BFFs, without Redis, have the product in their caches, are asked at once, and again after
each old answer: after a tenth of the time so far, at least a millisecond. Of the faster changes for 20 a second.`,
    heads: [
      '',
      'commit itself p50',
      'p99',
      'web p50',
      'p99',
      'mobile p50',
      'p99',
      'both p50',
      'p99',
      'worst',
    ],
    rows: results.map(({ name, commit, web, mobile, both }) => [
      name,
      ...[commit, web, mobile, both].flatMap((of) => [ms(of(0.5)), ms(of(0.99))]),
      ms(both(1)),
    ]),
    bars: results.flatMap(({ name, both }) =>
      [0.5, 0.99].map((share) => {
        return { name: `${name}, p${share * 100}`, value: both(share), label: ms(both(share)) };
      }),
    ),
  };
}
