import type { Counter, DurationHistogram, Metrics } from './metrics.ts';

/** How often, with what outcomes, and how long it took. */
export interface Summary {
  readonly count: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly latencyMs: Latency;
}

/** Quantiles are estimates, as exact as the buckets of the histogram are narrow; null above the last one, and of nothing. */
export interface Latency {
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

type Labels = Readonly<Partial<Record<string, string | number>>>;

/** For each route what has come of its requests since the process began: what `/metrics` has, for people and scripts. */
export async function summarizeRoutes({ requests, problems, inFlight }: Metrics) {
  const statusClass = ({ status }: Labels) => `${String(status).slice(0, 1)}xx`;
  const answered = await summarize(requests, 'route', statusClass);
  const refused = await countBy(problems, 'route', 'problem');
  const underWay = new Map((await inFlight.get()).values.map(({ labels, value }) => [labels.route, value]));
  const routes = new Set([...answered.keys(), ...refused.keys(), ...underWay.keys()].map(String));
  const entries = [...routes].sort().map((route) => {
    const known = { inFlight: underWay.get(route) ?? 0, problems: refused.get(route) ?? {} };
    return [route, { ...(answered.get(route) ?? nothing), ...known }] as const;
  });
  return Object.fromEntries(entries);
}

export const nothing: Summary = {
  count: 0,
  outcomes: {},
  latencyMs: { mean: null, p50: null, p95: null, p99: null },
};

/** Sums a histogram up by one of its labels. */
export async function summarize<Label extends string>(
  histogram: DurationHistogram<Label>,
  by: Label,
  outcomeOf: (labels: Labels) => string,
): Promise<Map<string, Summary>> {
  const groups = new Map<string, { outcomes: Record<string, number>; sum: number; buckets: Bucket[] }>();
  for (const { labels, value, metricName } of (await histogram.get()).values) {
    const key = String(labels[by]);
    const group = groups.get(key) ?? { outcomes: {}, sum: 0, buckets: [] };
    groups.set(key, group);
    if (metricName.endsWith('_bucket'))
      group.buckets.push({
        upTo: labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le),
        count: value,
      });
    else if (metricName.endsWith('_sum')) group.sum += value;
    else add(group.outcomes, outcomeOf(labels), value);
  }
  return new Map(
    [...groups].map(([key, { outcomes, sum, buckets }]) => {
      const count = Object.values(outcomes).reduce((total, one) => total + one, 0);
      const quantile = (share: number) => estimateQuantile(share, joinBuckets(buckets));
      const latency = { mean: sum / count, p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) };
      return [key, { count, outcomes, latencyMs: toMilliseconds(latency) }];
    }),
  );
}

/** The values of a counter, by one label and then by another. */
export async function countBy<Label extends string>(
  counter: Counter<Label>,
  by: Label,
  then: Label,
): Promise<Map<string, Record<string, number>>> {
  const counts = new Map<string, Record<string, number>>();
  for (const { labels, value } of (await counter.get()).values) {
    const key = String(labels[by]);
    const group = counts.get(key) ?? {};
    counts.set(key, group);
    add(group, String(labels[then]), value);
  }
  return counts;
}

function add(counts: Record<string, number>, key: string, value: number): void {
  counts[key] = (counts[key] ?? 0) + value;
}

/** How many were at most that, in seconds. */
export interface Bucket {
  readonly upTo: number;
  readonly count: number;
}

/** Buckets of several series with the same bounds as those of one. */
function joinBuckets(buckets: readonly Bucket[]): Bucket[] {
  const joined = new Map<number, number>();
  for (const { upTo, count } of buckets) joined.set(upTo, (joined.get(upTo) ?? 0) + count);
  return [...joined].map(([upTo, count]) => ({ upTo, count })).sort((a, b) => a.upTo - b.upTo);
}

/**
 * Where a share of all values ends, taken as evenly spread in their bucket (as Prometheus' `histogram_quantile` does).
 * @param buckets by rising bound, the last one without
 */
export function estimateQuantile(share: number, buckets: readonly Bucket[]): number | null {
  const rank = share * (buckets.at(-1)?.count ?? 0);
  const at = buckets.findIndex(({ count }) => count > 0 && count >= rank);
  const found = buckets[at];
  if (found === undefined || found.upTo === Number.POSITIVE_INFINITY) return null;
  const before = buckets[at - 1] ?? { upTo: 0, count: 0 };
  return before.upTo + ((found.upTo - before.upTo) * (rank - before.count)) / (found.count - before.count);
}

function toMilliseconds(latency: Latency): Latency {
  const rounded = (seconds: number | null) => (seconds === null ? null : Math.round(seconds * 100_000) / 100);
  const { mean, p50, p95, p99 } = latency;
  return { mean: rounded(mean), p50: rounded(p50), p95: rounded(p95), p99: rounded(p99) };
}
