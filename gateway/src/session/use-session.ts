import { contextOf } from '@portico/runtime/http-app.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { unlessAborted } from '@portico/runtime/unless-aborted.ts';
import type { NextFunction, RequestHandler, Response } from 'express';
import { routeOf } from '../middleware/choose-route.ts';
import { type CookieKind, readCookies } from './cookies.ts';
import { refuseForgery } from './refuse-forgery.ts';
import { toSessionId } from './session-id.ts';
import { sessionOver, toSessionProblem } from './session-problems.ts';
import { SessionStoreUnavailable } from './session-store.ts';
import type { SessionContent, Sessions } from './sessions.ts';

/**
 * Finds the session of a request with a session cookie, where its route knows users. A cookie whose session is over is told so
 * once, and taken off. While nothing can be known of sessions the request goes no further, or on as that of somebody unknown,
 * and never as nobody's.
 */
export function useSession(sessions: Sessions, cookie: CookieKind, ownOrigin: string): RequestHandler {
  const take = async (token: string, res: Response, next: NextFunction) => {
    const context = contextOf(res);
    const found = await unlessAborted(sessions.find(token).catch(noteUnknown(res)), context.signal);
    if (found === undefined) throw sessionOver(cookie);
    if (found === 'unknown') context.isUserUnknown = true;
    else {
      res.locals.session = found;
      res.locals.sessionId = toSessionId(token);
    }
    next();
  };
  return (req, res, next) => {
    const cookies = req.headers.cookie;
    if (!cookies?.includes(`${cookie.name}=`)) {
      next();
      return undefined;
    }
    res.locals.bringsSession = true;
    const { auth, csrf, webSocket } = routeOf(res);
    const token = auth === 'none' ? undefined : tokenOf(cookies, cookie);
    if (token === undefined) {
      next();
      return undefined;
    }
    if (csrf !== 'none') refuseForgery(req, [ownOrigin, ...(webSocket?.origins ?? [])]);
    if (req.headers.authorization !== undefined) {
      throw new Problem('invalid-request', 'Send a session cookie or an access token, not both: who is it?');
    }
    return take(token, res, next);
  };
}

/** While the store is away, where the route says so, those behind are told that somebody is signed in. */
function noteUnknown(res: Response) {
  return (error: unknown): 'unknown' => {
    const { auth, unknownUser } = routeOf(res);
    const mayGoOn = auth === 'optional' && unknownUser === 'tell';
    if (error instanceof SessionStoreUnavailable && mayGoOn) return 'unknown';
    return toSessionProblem(error);
  };
}

/** Whether the request that `res` answers has a session cookie, be it one of a session or not. */
export function bringsSession(res: Response): boolean {
  return res.locals.bringsSession === true;
}

/** The session of the request that `res` answers, if it has one. */
export function sessionOf(res: Response): SessionContent | undefined {
  return res.locals.session;
}

/** What the store knows that session by. */
export function sessionIdOf(res: Response): string | undefined {
  return res.locals.sessionId;
}

/** @throws Problem when there are two: nobody can say whose the request is */
export function tokenOf(cookies: string | undefined, { name }: CookieKind): string | undefined {
  if (!cookies?.includes(`${name}=`)) return undefined;
  const [value, ...more] = readCookies(cookies).filter(([found]) => found === name);
  if (more.length > 0) throw new Problem('invalid-request', `The cookie ${name} may be given only once.`);
  return value?.[1];
}
