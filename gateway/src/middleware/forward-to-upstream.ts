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
    const context = contextOf(res);
    const fields = toRequestFields(req, { route, context, viaName });
    const { requestId } = context;
    upstream.forward(req, res, { requestId, fields, timeoutMs, maxBodyBytes }, next);
  };
}
