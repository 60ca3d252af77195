import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Problem } from '@portico/runtime/problems.ts';
import type { RetryBudget } from '@portico/runtime/retry-budget.ts';
import type { Call, Tracing } from '@portico/runtime/tracing.ts';
import type { AtTarget } from '../forward/exchange.ts';
import { createForwarder, type Outgoing } from '../forward/forward.ts';
import type { ForwardLimits } from '../forward/limits.ts';
import { toUpstreamTimeout } from '../forward/request-fields.ts';
import { pathOf } from '../middleware/refuse-target.ts';
import type { UpstreamTable } from '../table/route-table.ts';
import { createTargets, type TargetStatus } from './targets.ts';
import { outcomeOf, type UpstreamMetrics } from './upstream-metrics.ts';
import { watchHealth } from './watch-health.ts';

/** One name behind the gateway, with all its instances. */
export interface Upstream {
  /** As `Forwarder.forward`, at one of the targets; a read that a target fails before it answers is sent to another. */
  readonly forward: (
    req: IncomingMessage,
    res: ServerResponse,
    outgoing: Outgoing,
    failed: (problem: Problem) => void,
  ) => void;
  readonly status: () => { url: string; inFlight: number; state: TargetStatus<unknown>['state'] }[];
  /** Ends the health checks; requests under way go on. */
  readonly retire: () => void;
  /** Ends the connections, those in use as well. */
  readonly close: () => void;
}

export interface UpstreamOptions {
  readonly name: string;
  readonly table: UpstreamTable;
  readonly limits?: Partial<ForwardLimits> | undefined;
  readonly metrics: UpstreamMetrics;
  readonly tracing?: Tracing | undefined;
  /** Retries to all upstreams stay a small share of requests. */
  readonly budget: RetryBudget;
  readonly now?: () => number;
  readonly random?: () => number;
}

export function createUpstream(options: UpstreamOptions): Upstream {
  const { name, table, limits, metrics, tracing, budget, now = Date.now, random = Math.random } = options;
  const forwarders = table.targets.map((url) => ({ url, forwarder: createForwarder(url, limits) }));
  type Target = (typeof forwarders)[number];
  const targets = createTargets(forwarders, {
    now,
    random,
    onEjection: ({ url }) => metrics.ejections.inc({ upstream: name, target: url }),
  });
  const endWatching = watchHealth(table, (url, healthy) => {
    for (const target of forwarders) if (target.url === url) targets.setHealthy(target, healthy);
  });

  const forwardTo = (
    [req, res, outgoing, failed]: Parameters<Upstream['forward']>,
    deadline: number,
    earlier?: Target,
  ): boolean => {
    const lease = targets.take(earlier);
    if (lease === undefined) return false;
    const elsewhere = () => {
      const again = earlier === undefined && budget.takeRetry();
      const timeoutMs = deadline - now();
      const fields = { ...outgoing.fields, 'portico-timeout-ms': toUpstreamTimeout(timeoutMs) };
      const left = { ...outgoing, fields, timeoutMs };
      if (!again || left.timeoutMs <= 0 || !forwardTo([req, res, left, failed], deadline, lease.target))
        return false;
      metrics.retries.inc({ upstream: name });
      return true;
    };
    const startedAt = performance.now();
    const { fields } = outgoing;
    const span = tracing?.beginCall(
      fields.traceparent ?? '',
      toCall(req, outgoing, lease.target.url, earlier !== undefined),
    );
    const ended: AtTarget['ended'] = (outcome, failure) => {
      lease.end(outcome);
      const how = outcomeOf(outcome, failure, res.statusCode);
      metrics.duration.observe([name, how], (performance.now() - startedAt) / 1_000);
      if (failure === undefined && outcome !== 'unknown') span?.end({ status: res.statusCode });
      else span?.end({ error: how });
    };
    const sent =
      span === undefined ? outgoing : { ...outgoing, fields: { ...fields, traceparent: span.traceparent } };
    lease.target.forwarder.forward(req, res, sent, { elsewhere, ended }, failed);
    return true;
  };

  return {
    forward: (req, res, outgoing, failed) => {
      budget.countCall();
      forwardTo([req, res, outgoing, failed], now() + outgoing.timeoutMs);
    },
    status: () => targets.status().map(({ target, ...status }) => ({ url: target.url, ...status })),
    retire: endWatching,
    close: () => {
      endWatching();
      for (const { forwarder } of forwarders) forwarder.close();
    },
  };
}

function toCall(
  { method = '', url = '' }: IncomingMessage,
  { route }: Outgoing,
  target: string,
  again: boolean,
): Call {
  return { method, url: target, path: pathOf(url), route, resends: again ? 1 : 0 };
}
