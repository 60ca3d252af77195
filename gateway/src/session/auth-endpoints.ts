import type { IncomingMessage } from 'node:http';
import { contextOf } from '@portico/runtime/http-app.ts';
import { toPeerKey } from '@portico/runtime/peer-key.ts';
import { Problem } from '@portico/runtime/problems.ts';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { routeOf } from '../middleware/choose-route.ts';
import { answerFields } from '../middleware/security-fields.ts';
import type { AuthEndpoint, OidcTable } from '../table/route-table.ts';
import type { CodeExchanges } from './code-exchanges.ts';
import { type CookieKind, readCookies } from './cookies.ts';
import { type IdentityProvider, ProviderRefused } from './identity-provider.ts';
import type { LogoutSubject } from './logout-token.ts';
import { refuseForgery } from './refuse-forgery.ts';
import { toReturnPath } from './return-path.ts';
import { hashOf, newSessionToken, toSessionId } from './session-id.ts';
import type { SessionMetrics } from './session-metrics.ts';
import { notSignedIn, sessionOver, toSessionProblem } from './session-problems.ts';
import type { SessionStore } from './session-store.ts';
import type { Sessions } from './sessions.ts';
import { type SignIn, type SignIns, signInMs } from './sign-ins.ts';
import { tokenOf } from './use-session.ts';

export interface AuthEndpointsOptions {
  readonly oidc: OidcTable;
  readonly sessions: Sessions;
  readonly signIns: SignIns;
  readonly provider: IdentityProvider;
  readonly exchanges: CodeExchanges;
  /** Where sign-ins are marked that have come back. */
  readonly store: SessionStore;
  readonly metrics: SessionMetrics;
  readonly cookie: CookieKind;
  readonly verifyLogoutToken: (token: unknown) => Promise<LogoutSubject>;
}

/** Answers the routes of the gateway itself below `/auth`; the request of any other goes on. */
export function answerAuth(options: AuthEndpointsOptions): RequestHandler {
  const endpoints = createAuthEndpoints(options);
  return (req, res, next) => {
    const { endpoint } = routeOf(res);
    if (endpoint === undefined) {
      next();
      return undefined;
    }
    return endpoints[endpoint](req, res).catch(toSessionProblem);
  };
}

type Endpoint = (req: Request, res: Response) => Promise<void>;

function createAuthEndpoints(options: AuthEndpointsOptions): Readonly<Record<AuthEndpoint, Endpoint>> {
  const { oidc, sessions, signIns, provider, exchanges, store, metrics, cookie, verifyLogoutToken } = options;

  const login: Endpoint = async (req, res) => {
    refuseEmbedded(req);
    const { returnTo } = req.query;
    const elsewhere = toOtherLoopback(req.headers.host, oidc.publicUrl);
    if (elsewhere !== undefined) {
      const query = new URLSearchParams({ returnTo: toReturnPath(returnTo) });
      answer(res, 302, { Location: `${elsewhere}/auth/login?${query}` });
      return;
    }
    const token = readCookies(req.headers.cookie).find(([name]) => name === cookie.name)?.[1];
    const replaces = token === undefined ? undefined : toSessionId(token);
    const { signIn, cookies } = signIns.begin(req.headers.cookie, {
      returnTo: toReturnPath(returnTo),
      replaces,
    });
    answer(res, 302, { Location: await provider.signInUrl(signIn), 'Set-Cookie': cookies });
  };

  /**
   * The provider sends the browser back:
   *  1. This browser has begun the sign-in, so nobody can be signed in as somebody else (RFC 9700 section 4.7).
   *  2. There is room for one more request to the provider; nothing is used up until then.
   *  3. It has given no session yet, over all instances.
   *  4. The code is changed for tokens.
   *  5. A new session begins, and the one that the browser had ends: no id from before lives on.
   */
  const callback: Endpoint = async (req, res) => {
    const { state } = req.query;
    const found = typeof state === 'string' ? signIns.find(req.headers.cookie, state) : undefined;
    if (found === undefined) throw failed(res, 'unknown');
    const { signIn, clear } = found;
    const token = await exchanges.run(peerOf(req), contextOf(res).signal, () => redeemOnce(req, res, signIn));
    if (token === undefined) {
      goTo(req, res, signIn.returnTo, [clear]);
      return;
    }
    const before = readCookies(req.headers.cookie).find(([name]) => name === cookie.name)?.[1];
    for (const id of new Set([signIn.replaces, before && toSessionId(before)])) {
      if (id) await sessions.endById(id, 'signed-in-again');
    }
    goTo(req, res, signIn.returnTo, [cookie.set(cookie.name, token, oidc.absoluteSeconds), clear]);
  };
  /** What gave no session leaves nothing in the store, and may come back. Undefined when the user has thought better of it. */
  const redeemOnce = async (req: Request, res: Response, signIn: SignIn): Promise<string | undefined> => {
    const [mark, holder] = [`sign-in:${hashOf(signIn.state)}`, newSessionToken()];
    if (!(await store.lease(mark, holder, signInMs))) throw failed(res, 'used');
    let token: string | undefined;
    try {
      token = await redeem(req, res, signIn);
      return token;
    } finally {
      if (token === undefined) await store.release(mark, holder).catch(() => {});
    }
  };
  const redeem = async ({ url }: Request, res: Response, signIn: SignIn): Promise<string | undefined> => {
    try {
      const tokens = await provider.redeem(new URL(url, oidc.publicUrl), signIn);
      return await sessions.begin(tokens, signIn.begunAt);
    } catch (error) {
      const cancelled = error instanceof ProviderRefused && error.message === 'access_denied';
      count(res, cancelled ? 'cancelled' : nameOf(error), error);
      if (cancelled) return undefined;
      throw error;
    }
  };
  const failed = (res: Response, reason: 'unknown' | 'used') => {
    count(res, reason);
    return new Problem(
      'invalid-request',
      'This sign-in is over, or was begun in another browser. Begin again at /auth/login.',
    );
  };
  const count = (res: Response, reason: string, error?: unknown) => {
    metrics.failedSignIns.inc({ reason });
    // Errors of the provider say a word of the protocol, and nothing of what was sent.
    const code = error instanceof ProviderRefused ? error.message : undefined;
    contextOf(res).log.info({ reason, code, peer: peerOf(res.req) }, 'a sign-in came back without a session');
  };

  const ownToken = (req: Request) => {
    const token = tokenOf(req.headers.cookie, cookie);
    if (token !== undefined) refuseForgery(req, []);
    return token;
  };
  const logout: Endpoint = async (req, res) => {
    const token = ownToken(req);
    if (token !== undefined) await sessions.end(token, 'logout');
    // Signed out here in any case, be the provider there or not.
    const logoutUrl = await provider.signOutUrl().catch(() => undefined);
    const cleared = token === undefined ? {} : { 'Set-Cookie': cookie.clear(cookie.name) };
    answer(res, 200, { ...cleared, ...json }, JSON.stringify({ logoutUrl }));
  };
  const session: Endpoint = async (req, res) => {
    const token = ownToken(req);
    if (token === undefined) throw notSignedIn();
    const found = await sessions.find(token);
    if (found === undefined) throw sessionOver(cookie);
    answer(res, 200, json, JSON.stringify(found.claims));
  };

  const readForm = express.urlencoded({ extended: false, limit: 16_384, parameterLimit: 10 });
  const backchannelLogout: Endpoint = async (req, res) => {
    await new Promise<void>((resolve, reject) => {
      readForm(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
    });
    const [claim, value] = await verifyLogoutToken(req.body?.logout_token);
    await sessions.endAll(claim, value, 'provider');
    answer(res, 200, {});
  };

  return { login, callback, logout, session, 'backchannel-logout': backchannelLogout };
}

const peerOf = ({ socket }: IncomingMessage) => toPeerKey(socket.remoteAddress ?? '');

const json = { 'Content-Type': 'application/json' };

/** Answers that nobody keeps, and whose address (with a code in it) goes to nobody. */
function answer(
  res: Response,
  status: number,
  fields: Readonly<Record<string, string | readonly string[]>>,
  body = '',
): void {
  for (const [name, value] of answerFields) res.setHeader(name, value);
  res.setHeader('X-Request-Id', contextOf(res).requestId);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Referrer-Policy', 'no-referrer');
  for (const [name, value] of Object.entries(fields)) res.setHeader(name, value);
  res.statusCode = status;
  res.end(res.req.method === 'HEAD' ? '' : body);
}

/**
 * Sends the browser on. One that comes from another site would go there without its new cookie, which is SameSite=Strict: a page
 * of ours that goes on by itself is what begins the next request then.
 */
function goTo(req: IncomingMessage, res: Response, path: string, cookies: readonly string[]): void {
  if (req.headers['sec-fetch-site'] !== 'cross-site') {
    answer(res, 303, { Location: path, 'Set-Cookie': cookies });
    return;
  }
  const target = path.replaceAll('&', '&amp;').replaceAll("'", '&#39;');
  const page = `<!doctype html><title>Signed in</title><meta http-equiv="refresh" content='0;url=${target}'><a href='${target}'>Go on</a>`;
  answer(res, 200, { 'Content-Type': 'text/html; charset=utf-8', 'Set-Cookie': cookies }, page);
}

/** Only a page that somebody goes to signs in, not an image or frame of another one (Fetch Metadata). */
function refuseEmbedded({ headers }: IncomingMessage): void {
  const destination = headers['sec-fetch-dest'];
  if (destination === undefined || destination === 'document') return;
  throw new Problem('forbidden', 'A sign-in is begun by going to this page.');
}

const loopback = /^(?:localhost|127\.0\.0\.1|\[::1\])$/;

/** On one machine the same gateway has several names, and cookies of one are none of another. */
function toOtherLoopback(host: string | undefined, publicUrl: string): string | undefined {
  const own = new URL(publicUrl);
  const [, name = '', port = '80'] = /^(.*?)(?::(\d+))?$/.exec(host ?? '') ?? [];
  const sameGateway = loopback.test(name) && loopback.test(own.hostname) && port === (own.port || '80');
  return sameGateway && name !== own.hostname ? publicUrl : undefined;
}

function nameOf(error: unknown): string {
  return error instanceof ProviderRefused ? 'refused' : 'unavailable';
}
