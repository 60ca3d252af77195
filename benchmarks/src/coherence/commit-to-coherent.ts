import { setTimeout as delay } from 'node:timers/promises';
import { type Child, startChild } from '../child.ts';
import { quantile } from '../statistics.ts';
import type { MeasuredShop } from './start-shop.ts';

export interface CoherentAfter {
  readonly perSecond: number;
  /** Milliseconds from the moment at which the writer knew of its commit until both readers have applied it. */
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  /** What the commit itself took, in milliseconds, for comparison. */
  readonly commitP50: number;
}

const productCount = 1_000;
/** How long the last changes may be under way. */
const patienceMs = 10_000;

/**
 * Changes prices at a steady rate, one a transaction, and asks two processes that follow the hub when they had applied
 * each; the later one counts.
 */
export async function measureCommitToCoherent(
  { hubUrl, database }: MeasuredShop,
  rates: readonly number[],
  seconds: number,
): Promise<CoherentAfter[]> {
  const env = { HUB_URL: hubUrl };
  const start = () => startChild({ program: 'coherence/reader.ts', env, listens: false });
  const readers = await Promise.all([start(), start()]);
  let price = 1;
  const change = async () => {
    price += 1;
    const began = process.hrtime.bigint();
    const { rows } = await database.query<{ xid: string }>(
      'update products set price_amount = $1 where id = $2 returning pg_current_xact_id()::text as xid',
      [price, `p${(price % productCount) + 1}`],
    );
    return { xid: String(rows[0]?.xid), began, committed: process.hrtime.bigint() };
  };
  try {
    // Until both have loaded the window they tell of nothing.
    for (let known = false; !known; ) {
      const { xid } = await change();
      await delay(200);
      const heard = await Promise.all(readers.map(takeSeen));
      known = heard.every((seen) => seen.has(xid));
    }
    await atRate(change, 100, 3);
    await delay(500);
    await Promise.all(readers.map(takeSeen));
    const results: CoherentAfter[] = [];
    for (const perSecond of rates) {
      const changes = await atRate(change, perSecond, seconds);
      const seen = await seenByAll(
        readers,
        changes.map(({ xid }) => xid),
      );
      const after = changes.map(({ xid, committed }) => toMs((seen.get(xid) ?? 0n) - committed));
      const took = changes.map(({ began, committed }) => toMs(committed - began));
      const [p50, p99, worst] = [0.5, 0.99, 1].map((share) => quantile(after, share)) as [
        number,
        number,
        number,
      ];
      results.push({ perSecond, p50, p99, worst, commitP50: quantile(took, 0.5) });
    }
    return results;
  } finally {
    for (const reader of readers) reader.stop();
  }
}

async function atRate<Done>(
  change: () => Promise<Done>,
  perSecond: number,
  seconds: number,
): Promise<Done[]> {
  const all: Promise<Done>[] = [];
  const start = performance.now();
  while (all.length < perSecond * seconds) {
    const due = Math.min(perSecond * seconds, ((performance.now() - start) / 1_000) * perSecond);
    while (all.length < due) all.push(change());
    await delay(1);
  }
  return Promise.all(all);
}

async function takeSeen(reader: Child): Promise<Map<string, bigint>> {
  const { seen } = (await reader.ask('seen')) as { seen: [string, string][] };
  return new Map(seen.map(([xid, at]) => [xid, BigInt(at)]));
}

/** When the last of the readers had applied each. @throws Error when that takes too long */
async function seenByAll(readers: readonly Child[], xids: readonly string[]): Promise<Map<string, bigint>> {
  const latest = new Map<string, bigint>();
  for (const reader of readers) {
    const missing = new Set(xids);
    for (const giveUpAt = performance.now() + patienceMs; missing.size > 0; await delay(100)) {
      if (performance.now() > giveUpAt) throw new Error(`${missing.size} changes did not arrive`);
      for (const [xid, at] of await takeSeen(reader)) {
        missing.delete(xid);
        const before = latest.get(xid);
        if (before === undefined || at > before) latest.set(xid, at);
      }
    }
  }
  return latest;
}

const toMs = (nanoseconds: bigint) => Number(nanoseconds) / 1e6;
