import { contextOf } from '@portico/runtime/http-app.ts';
import type { RequestHandler } from 'express';
import type { Forwarder } from '../forward/forward.ts';
import { toRequestFields } from '../forward/request-fields.ts';
import { routeOf } from './choose-route.ts';

/** Sends the request to its route's upstream, and the answer back. */
export function forwardToUpstream(
  forwarders: ReadonlyMap<string, Forwarder>,
  viaName: string,
): RequestHandler {
  return (req, res, next) => {
    const route = routeOf(res);
    const forwarder = forwarders.get(route.upstream);
    if (forwarder === undefined) throw new Error(`${route.path} goes to ${route.upstream}, which has no URL`);
    const { timeoutMs, maxBodyBytes } = route;
    const fields = toRequestFields(req, { route, context: contextOf(res), viaName, host: forwarder.host });
    forwarder.forward(req, res, { fields, timeoutMs, maxBodyBytes }, next);
  };
}
