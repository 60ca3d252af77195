import type { TokenVerifier } from '@portico/runtime/access-token.ts';
import { contextOf } from '@portico/runtime/http-app.ts';
import { identifyUser, requireIdentity } from '@portico/runtime/identity.ts';
import type { RequestHandler } from 'express';
import { routeOf } from './choose-route.ts';

/**
 * Verifies the access token of a request where its route's `auth` says so; what isn't valid goes no further. Those behind
 * verify it themselves, and get to see none where the route's `auth` is `none`.
 */
export function identify(verify: TokenVerifier | undefined): RequestHandler {
  const identifyBy = verify === undefined ? undefined : identifyUser(verify);
  return (req, res, next) => {
    const { auth } = routeOf(res);
    if (auth === 'none' || identifyBy === undefined) {
      next();
      return undefined;
    }
    return identifyBy(req, res, (error?: unknown) => {
      if (error === undefined && auth === 'required') requireIdentity(contextOf(res));
      next(error);
    });
  };
}
