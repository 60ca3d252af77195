import type { RequestListener } from 'node:http';
import { createTokenVerifier } from '@portico/runtime/access-token.ts';
import { ConfigError } from '@portico/runtime/config.ts';
import { createHttpApp } from '@portico/runtime/http-app.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import { createRetryBudget } from '@portico/runtime/retry-budget.ts';
import type { Tracing } from '@portico/runtime/tracing.ts';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { ForwardLimits } from './forward/limits.ts';
import { chooseRoute } from './middleware/choose-route.ts';
import { forwardToUpstream } from './middleware/forward-to-upstream.ts';
import { identify } from './middleware/identify.ts';
import { refuseBody } from './middleware/refuse-body.ts';
import { refuseHead } from './middleware/refuse-head.ts';
import { refuseTarget } from './middleware/refuse-target.ts';
import { setFieldsOfRefusal } from './middleware/security-fields.ts';
import { limitRate } from './rate-limit/limit-rate.ts';
import type { RateLimits } from './rate-limit/rate-limits.ts';
import { readOnAfterRefusal } from './read-on.ts';
import { type Auth, createAuth, type SessionParts } from './session/create-auth.ts';
import { createRouteMatcher } from './table/match-route.ts';
import type { RouteTable } from './table/route-table.ts';
import { createUpstream } from './upstreams/upstream.ts';
import type { UpstreamMetrics, UpstreamStatuses } from './upstreams/upstream-metrics.ts';
import { admitWebSocket } from './web-socket/admit-web-socket.ts';
import type { OpenWebSockets } from './web-socket/open-web-sockets.ts';

export interface GatewayOptions {
  readonly table: RouteTable;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | undefined;
  readonly upstreamMetrics: UpstreamMetrics;
  readonly rateLimits: RateLimits;
  readonly openWebSockets: OpenWebSockets;
  /** Where sessions are kept; needed where the table has `oidc`. */
  readonly sessions?: SessionParts | undefined;
  /** This instance's name in `Via`, by which it knows a request that comes back to it. */
  readonly viaName: string;
  readonly limits?: Partial<ForwardLimits>;
}

export interface Gateway {
  readonly handler: RequestListener;
  /** The targets of every upstream, for operators. */
  readonly status: () => UpstreamStatuses;
  /** Ends sessions for operators; there are none where the table has no `oidc`. */
  readonly endSessions: Auth['endSessions'] | undefined;
  /** Ends what it does by itself, when another gateway takes its place; requests under way go on. */
  readonly retire: () => void;
  /** Ends the connections to the upstreams. */
  readonly close: () => void;
}

/**
 * The public side of Portico: refuses, or forwards to the upstream of the request's route.
 * @throws ConfigError when the table has `oidc` and there is nothing to seal sessions with
 */
export function createGateway(options: GatewayOptions): Gateway {
  const { table, log, metrics, tracing, viaName, openWebSockets } = options;
  const auth = authOf(table, log, options.sessions);
  const budget = createRetryBudget();
  const upstreams = new Map(
    Object.entries(table.upstreams).map(([name, upstream]) => [
      name,
      createUpstream({
        name,
        table: upstream,
        limits: options.limits,
        metrics: options.upstreamMetrics,
        tracing,
        budget,
      }),
    ]),
  );

  const pipeline: readonly RequestHandler[] = [
    // Before anything decides on the path.
    refuseTarget,
    // Before the route, so that an unreadable request is a 400 on every path.
    refuseHead(viaName),
    chooseRoute(createRouteMatcher(table.routes)),
    // Before anything knows the user.
    ...(auth === undefined ? [] : [auth.useSession]),
    // Before the count of requests, which may be by user.
    identify(table.jwt === undefined ? undefined : createTokenVerifier(table.jwt)),
    limitRate(table.routes, options.rateLimits),
    // Refused handshakes count as requests.
    admitWebSocket(openWebSockets, table.maxWebSockets ?? 0, table.oidc?.publicUrl),
    // Needs the route's limits. Nothing may read the body before it is forwarded.
    refuseBody,
    ...(auth === undefined ? [] : [auth.answerAuth]),
    forwardToUpstream(upstreams, viaName, openWebSockets, auth?.streams, table.oidc?.publicUrl),
  ];
  // After everything that refuses, or stops reading a body.
  const refusalPipeline: readonly ErrorRequestHandler[] = [setFieldsOfRefusal, readOnAfterRefusal];
  // The time of a route is kept where it is forwarded; what the app would say of a late request comes after that.
  const timeoutMs = Math.max(...table.routes.map((route) => route.timeoutMs)) + 1_000;
  const app = createHttpApp(
    { log, metrics, tracing, timeoutMs, setsRequestId: false, pipeline },
    (express) => {
      express.use(...refusalPipeline);
    },
  );

  return {
    handler: (req, res) => {
      // Only what is inside may shorten the time of a request; the app would take it from anyone.
      if (req.headers['portico-timeout-ms'] !== undefined) delete req.headers['portico-timeout-ms'];
      // And say that a user is unknown: what knows users here reads that field, as it does in those behind.
      if (req.headers['portico-user'] !== undefined) delete req.headers['portico-user'];
      // Express runs nothing for a target that it can't parse (`http://[`). With an empty segment it can, and refuses it.
      if (!req.url?.startsWith('/')) req.url = `//${req.url}`;
      app(req, res);
    },
    status: () => Object.fromEntries([...upstreams].map(([name, upstream]) => [name, upstream.status()])),
    endSessions: auth?.endSessions,
    retire: () => {
      auth?.retire();
      for (const upstream of upstreams.values()) upstream.retire();
    },
    close: () => {
      auth?.close();
      for (const upstream of upstreams.values()) upstream.close();
    },
  };
}

function authOf({ oidc, upstreams }: RouteTable, log: Logger, sessions: SessionParts | undefined) {
  if (oidc === undefined) return undefined;
  if (sessions === undefined || sessions.secrets.length === 0) {
    throw new ConfigError('PORTICO_SESSION_SECRET is not set: the oidc block of gateway.yaml needs it');
  }
  return createAuth({ oidc, upstreams, log, ...sessions });
}
