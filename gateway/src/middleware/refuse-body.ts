import { Problem } from '@portico/runtime/problems.ts';
import type { RequestHandler } from 'express';
import { bodyTooLarge } from '../forward/forward-failure.ts';
import { routeOf } from './choose-route.ts';

/**
 * Refuses a body that is too large for the route by its `Content-Length` (one without is counted while it is forwarded),
 * and any body of a GET or HEAD: it has no meaning (RFC 9110 section 9.3.1), and hides requests from those who skip it.
 */
export const refuseBody: RequestHandler = (req, res, next) => {
  const length = Number(req.headers['content-length'] ?? 0);
  const hasBody = length > 0 || req.headers['transfer-encoding'] !== undefined;
  if (hasBody && (req.method === 'GET' || req.method === 'HEAD')) {
    throw new Problem('invalid-request', `A ${req.method} request has no body here.`);
  }
  const { maxBodyBytes } = routeOf(res);
  if (length > maxBodyBytes) throw bodyTooLarge(maxBodyBytes);
  next();
};
