import type { Metric, Registry } from 'prom-client';

/** Seconds; a value counts in the first bucket that it fits into. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface DurationHistogramOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  readonly registry: Registry;
}

interface Series {
  readonly labels: Readonly<Record<string, string | number>>;
  /** By bound, those above all bounds last; not summed up. */
  readonly counts: Float64Array;
  sum: number;
}

type Values = Map<string | number, Values | Series>;

export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName: string;
}

/**
 * How long things took, by labels: a histogram for a registry of prom-client. Its own checks and joins the labels of each
 * value, which costs a forwarded request as much as its access log; here a series is found by the values of its labels.
 */
export class DurationHistogram<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #labelNames: readonly Label[];
  readonly #series: Series[] = [];
  #byValues: Values = new Map();

  constructor({ name, help, labelNames, registry }: DurationHistogramOptions<Label>) {
    this.name = name;
    this.help = help;
    this.#labelNames = labelNames;
    // What a registry asks of a metric is `name`, `get` and `reset`; the type names prom-client's own classes.
    registry.registerMetric(this as unknown as Metric);
  }

  /** @param values of the labels, in the order of their names: few and known ones, as each combination stays */
  observe(values: readonly (string | number)[], seconds: number): void {
    let found: Values | Series | undefined = this.#byValues;
    for (const value of values) found = (found as Values | undefined)?.get(value);
    const series = (found as Series | undefined) ?? this.#begin(values);
    let bucket = 0;
    while (bucket < bounds.length && seconds > (bounds[bucket] as number)) bucket += 1;
    series.counts[bucket] = (series.counts[bucket] as number) + 1;
    series.sum += seconds;
  }

  async get() {
    const { name, help, type, aggregator } = this;
    return {
      name,
      help,
      type,
      aggregator,
      values: this.#series.flatMap((series) => this.#samplesOf(series)),
    };
  }

  reset(): void {
    this.#series.length = 0;
    this.#byValues = new Map();
  }

  #begin(values: readonly (string | number)[]): Series {
    const labels = Object.fromEntries(this.#labelNames.map((name, index) => [name, values[index] ?? '']));
    const series = { labels, counts: new Float64Array(bounds.length + 1), sum: 0 };
    let node = this.#byValues;
    for (const value of values.slice(0, -1)) {
      const next = (node.get(value) as Values | undefined) ?? new Map();
      node.set(value, next);
      node = next;
    }
    node.set(values.at(-1) ?? '', series);
    this.#series.push(series);
    return series;
  }

  #samplesOf({ labels, counts, sum }: Series): Sample[] {
    let count = 0;
    const buckets = [...bounds, '+Inf'].map((le, index) => {
      count += counts[index] as number;
      return { labels: { le, ...labels }, value: count, metricName: `${this.name}_bucket` };
    });
    return [
      ...buckets,
      { labels, value: sum, metricName: `${this.name}_sum` },
      { labels, value: count, metricName: `${this.name}_count` },
    ];
  }
}
