import { Counter, DurationHistogram, Gauge, type Metrics } from '@portico/runtime/metrics.ts';
import { countBy, nothing, summarize } from '@portico/runtime/metrics-summary.ts';
import type { ProblemName } from '@portico/runtime/problems.ts';
import type { TargetOutcome, TargetStatus } from './targets.ts';

/** What happens at the upstreams of one process; every label is a word of gateway.yaml or of a closed list. */
export interface UpstreamMetrics {
  readonly duration: DurationHistogram<'upstream' | 'outcome'>;
  readonly retries: Counter<'upstream'>;
  readonly ejections: Counter<'upstream' | 'target'>;
}

/** By name, the targets of each upstream as they are now. */
export type UpstreamStatuses = Readonly<
  Record<string, readonly { url: string; inFlight: number; state: TargetStatus<unknown>['state'] }[]>
>;

/** @param statuses asked whenever somebody looks */
export function createUpstreamMetrics(
  { registry }: Pick<Metrics, 'registry'>,
  statuses: () => UpstreamStatuses = () => ({}),
): UpstreamMetrics {
  const registers = [registry];
  const ofTargets = (
    name: string,
    help: string,
    read: (status: UpstreamStatuses[string][number]) => number,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: ['upstream', 'target'],
      registers,
      collect() {
        this.reset();
        for (const [upstream, targets] of Object.entries(statuses())) {
          for (const status of targets) this.set({ upstream, target: status.url }, read(status));
        }
      },
    });
  ofTargets('portico_upstream_requests_in_flight', 'Requests under way at a target', (one) => one.inFlight);
  ofTargets('portico_upstream_target_available', '1 where a target is used, 0 where it is left out', (one) =>
    one.state === 'available' ? 1 : 0,
  );
  return {
    duration: new DurationHistogram({
      name: 'portico_upstream_request_duration_seconds',
      help: 'Time of one try at an upstream, to the last byte of its answer',
      labelNames: ['upstream', 'outcome'],
      registry,
    }),
    retries: new Counter({
      name: 'portico_upstream_retries_total',
      help: 'Requests sent again, to another target',
      labelNames: ['upstream'],
      registers,
    }),
    ejections: new Counter({
      name: 'portico_upstream_ejections_total',
      help: 'Times that a target was left out for failing',
      labelNames: ['upstream', 'target'],
      registers,
    }),
  };
}

const statusClasses = ['', '1xx', '2xx', '3xx', '4xx', '5xx'];

/** One word for how a try ended: the class of the answer's status, the problem that came of it, or `cancelled` by the client. */
export function outcomeOf(outcome: TargetOutcome, failure: ProblemName | undefined, status: number): string {
  if (failure !== undefined) return failure;
  return outcome === 'unknown' ? 'cancelled' : (statusClasses[Math.floor(status / 100)] ?? '');
}

/** What has come of the requests to each upstream since the process began, and how its targets are now. */
export async function summarizeUpstreams(metrics: UpstreamMetrics, statuses: UpstreamStatuses) {
  const tries = await summarize(metrics.duration, 'upstream', ({ outcome }) => String(outcome));
  const retries = await countBy(metrics.retries, 'upstream', 'upstream');
  const ejections = await countBy(metrics.ejections, 'upstream', 'target');
  const entries = Object.entries(statuses).map(([upstream, targets]) => {
    const ofTarget = (url: string) => ({ ejections: ejections.get(upstream)?.[url] ?? 0 });
    const known = {
      retries: retries.get(upstream)?.[upstream] ?? 0,
      targets: targets.map((target) => ({ ...target, ...ofTarget(target.url) })),
    };
    return [upstream, { ...(tries.get(upstream) ?? nothing), ...known }] as const;
  });
  return Object.fromEntries(entries);
}
