import { contextOf } from '@portico/runtime/http-app.ts';
import type { RequestHandler } from 'express';
import { toRequestFields } from '../forward/request-fields.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import { routeOf } from './choose-route.ts';

/** Sends the request to its route's upstream, and the answer back. */
export function forwardToUpstream(upstreams: ReadonlyMap<string, Upstream>, viaName: string): RequestHandler {
  return (req, res, next) => {
    const route = routeOf(res);
    const upstream = upstreams.get(route.upstream);
    if (upstream === undefined)
      throw new Error(`${route.path} goes to ${route.upstream}, which is not there`);
    const { timeoutMs, maxBodyBytes } = route;
    const fields = toRequestFields(req, { route, context: contextOf(res), viaName });
    upstream.forward(req, res, { fields, timeoutMs, maxBodyBytes }, next);
  };
}
