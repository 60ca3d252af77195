import type { Identity, TokenVerifier } from '@portico/runtime/access-token.ts';
import { contextOf } from '@portico/runtime/http-app.ts';
import { identifyUser, requireIdentity } from '@portico/runtime/identity.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { unlessAborted } from '@portico/runtime/unless-aborted.ts';
import type { RequestHandler } from 'express';
import type { SessionContent } from '../session/sessions.ts';
import { sessionOf } from '../session/use-session.ts';
import { routeOf } from './choose-route.ts';

/**
 * Says whom a request comes from where its route's `auth` asks for that: verifies the access token that it brings, or that of its
 * session; what isn't valid goes no further. Those behind verify it themselves, and get to see none where `auth` is `none`.
 * @param verify undefined where there is no `jwt`: then access tokens mean nothing to the gateway, and sessions alone count
 */
export function identify(verify: TokenVerifier | undefined): RequestHandler {
  const identifyBy = verify === undefined ? undefined : identifyUser(verify);
  return (req, res, next) => {
    const { auth, scopes } = routeOf(res);
    if (auth === 'none') {
      next();
      return undefined;
    }
    const identified = (error?: unknown) => {
      if (error === undefined && auth === 'required') requireScopes(requireIdentity(contextOf(res)), scopes);
      next(error);
    };
    const session = sessionOf(res);
    if (session !== undefined)
      return identifySession(session, verify, contextOf(res)).then(() => identified());
    if (identifyBy !== undefined) return identifyBy(req, res, identified);
    identified();
    return undefined;
  };
}

/** RFC 6750 section 3.1. */
function requireScopes({ scopes: given }: Identity, scopes: readonly string[] = []): void {
  if (scopes.every((scope) => given.includes(scope))) return;
  const challenge = `Bearer error="insufficient_scope", scope="${scopes.join(' ')}"`;
  throw new Problem('forbidden', `This takes an access token for ${scopes.join(' ')}.`, {
    headers: { 'WWW-Authenticate': challenge },
  });
}

async function identifySession(
  session: SessionContent,
  verify: TokenVerifier | undefined,
  context: RequestContext,
): Promise<void> {
  const { accessToken } = session;
  context.identity =
    verify === undefined ? toIdentity(session) : await unlessAborted(verify(accessToken), context.signal);
}

/** As the id token said, when the user signed in. */
function toIdentity({ subject, claims: { name }, scope = '', accessToken }: SessionContent): Identity {
  return {
    subject,
    name: typeof name === 'string' ? name : undefined,
    roles: [],
    scopes: scope.split(' ').filter((each) => each !== ''),
    token: accessToken,
  };
}
