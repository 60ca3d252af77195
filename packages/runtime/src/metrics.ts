import type { ServerResponse } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { DurationHistogram } from './duration-histogram.ts';
import { createInFlight, type InFlight } from './in-flight.ts';

export { Counter, DurationHistogram, Gauge, type Registry };

/** What a process counts about itself; `/metrics` shows the registry. Other parts register their own metrics in it. */
export interface Metrics {
  readonly process: string;
  readonly registry: Registry;
  readonly requests: DurationHistogram<'method' | 'route' | 'status'>;
  /** Refusals and failures, by the name of their problem. */
  readonly problems: Counter<'route' | 'problem'>;
  /** The answers that are under way. Their routes are counted when somebody looks, so that requests don't pay for it. */
  readonly underWay: InFlight;
  readonly inFlight: Gauge<'route'>;
}

/** Metrics of one process, with those of Node itself. One registry a process and none global, so tests don't meet. */
export function createMetrics(process: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ process });
  collectDefaultMetrics({ register: registry });
  const requests = new DurationHistogram({
    name: 'portico_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer',
    labelNames: ['method', 'route', 'status'],
    registry,
  });
  const problems = new Counter({
    name: 'portico_http_problems_total',
    help: 'Requests that were refused or failed, by the problem that they were answered with',
    labelNames: ['route', 'problem'],
    registers: [registry],
  });
  const underWay = createInFlight();
  const inFlight = new Gauge({
    name: 'portico_http_requests_in_flight',
    help: 'Requests whose answers are not complete',
    labelNames: ['route'],
    registers: [registry],
    collect() {
      this.reset();
      for (const res of underWay.all) this.inc({ route: routeLabel(res) });
    },
  });
  return { process, registry, requests, problems, underWay, inFlight };
}

/** The route that an app has found for a request; `none` where it has found none, or not yet. */
export function routeLabel(res: ServerResponse & { locals?: { route?: string } }): string {
  return res.locals?.route ?? 'none';
}
