import { Problem } from '@portico/runtime/problems.ts';
import type { RequestHandler, Response } from 'express';
import type { MatchRoute } from '../match-route.ts';
import type { Method, Route } from '../routes.ts';
import { pathOf } from './refuse-target.ts';

/** Finds the request's route; refuses a path and a method that the route table doesn't name. */
export function chooseRoute(matchRoute: MatchRoute): RequestHandler {
  return (req, res, next) => {
    const route = matchRoute(pathOf(req.url));
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

/** The route that was chosen for the request that `res` answers. */
export function routeOf(res: Response): Route {
  return res.locals.chosenRoute;
}
