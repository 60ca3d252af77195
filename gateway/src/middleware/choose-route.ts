import { Problem } from '@portico/runtime/problems.ts';
import type { RequestHandler, Response } from 'express';
import type { Method } from '../table/gateway-file.ts';
import type { MatchRoute } from '../table/match-route.ts';
import type { Route } from '../table/route-table.ts';
import { pathOf } from './refuse-target.ts';

/** Finds the request's route; refuses a path and a method that the route table doesn't name. */
export function chooseRoute(matchRoute: MatchRoute): RequestHandler {
  return (req, res, next) => {
    const route = matchRoute(pathOf(req.url), hostOf(req.headers.host));
    if (route === undefined) throw new Problem('not-found', 'Nothing has this path.');
    // The label of this request in log and metrics.
    res.locals.route = route.path;
    if (!route.methods.includes(req.method as Method)) {
      const allowed = route.methods.join(', ');
      throw new Problem('method-not-allowed', `This path takes ${allowed}.`, { headers: { Allow: allowed } });
    }
    res.locals.chosenRoute = route;
    next();
  };
}

/** The host of a `Host` field, without its port (RFC 9110 section 7.2). */
export function hostOf(field = ''): string {
  return field.replace(/:\d*$/, '').toLowerCase();
}

/** The route that was chosen for the request that `res` answers. */
export function routeOf(res: Response): Route {
  return res.locals.chosenRoute;
}
