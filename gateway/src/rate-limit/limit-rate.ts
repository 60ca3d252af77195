import { contextOf } from '@portico/runtime/http-app.ts';
import { toPeerKey } from '@portico/runtime/peer-key.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { routeOf } from '../middleware/choose-route.ts';
import type { Route } from '../table/route-table.ts';
import type { RateLimiter, RateLimits } from './rate-limits.ts';

/**
 * Refuses more requests of a peer or user than the route's `rateLimit` lets through, and tells how many are left
 * (draft-ietf-httpapi-ratelimit-headers). Routes without one cost nothing here.
 */
export function limitRate(routes: readonly Route[], rateLimits: RateLimits): RequestHandler {
  const limiters = new Map<Route, RateLimiter>();
  for (const route of routes) {
    if (route.rateLimit === undefined) continue;
    limiters.set(route, rateLimits.limiter(`${route.host ?? '*'}${route.path}`, route.rateLimit));
  }
  return (req, res, next) => {
    const { rateLimit } = routeOf(res);
    const limiter = limiters.get(routeOf(res));
    if (limiter !== undefined && rateLimit !== undefined) return count(limiter, rateLimit, req, res, next);
    next();
    return undefined;
  };
}

async function count(
  limiter: RateLimiter,
  { requests, perSeconds, by }: NonNullable<Route['rateLimit']>,
  req: Request,
  res: Response,
  next: NextFunction,
): Promise<void> {
  const user = by === 'user' ? contextOf(res).identity?.subject : undefined;
  const key = user === undefined ? toPeerKey(req.socket.remoteAddress ?? '') : `user ${user}`;
  const { allowed, remaining, resetMs } = await limiter.consume(key);
  const resetSeconds = Math.ceil(resetMs / 1000);
  res.setHeader('RateLimit-Policy', `"default";q=${requests};w=${perSeconds}`);
  res.setHeader('RateLimit', `"default";r=${remaining};t=${resetSeconds}`);
  if (allowed) {
    next();
    return;
  }
  const whose = user === undefined ? 'address' : 'user';
  throw new Problem(
    'too-many-requests',
    `This path takes ${requests} requests in ${perSeconds} s from one ${whose}.`,
    {
      headers: { 'Retry-After': String(Math.max(1, resetSeconds)) },
    },
  );
}
