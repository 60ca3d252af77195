import type { IncomingMessage } from 'node:http';
import type { NextFunction, RequestHandler } from 'express';
import Type from 'typebox';
import { createTokenVerifier, type Identity, invalidToken, type TokenVerifier } from './access-token.ts';
import { contextOf } from './http-app.ts';
import { Problem } from './problems.ts';
import type { RequestContext } from './request-context.ts';
import { unlessAborted } from './unless-aborted.ts';

/** The audience of all tokens of the shop. */
const audience = 'portico';

/** The settings of a process that knows users. */
export const identitySettings = {
  /** The OpenID provider whose access tokens count; nobody is known, and every command refused, when left out. */
  OIDC_ISSUER: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s@?#]+$',
      description: 'the http:// or https:// URL of an OpenID provider',
    }),
  ),
};

/** What `identitySettings` say: the verifier, where there is an issuer. */
export function toTokenVerifier(config: { readonly OIDC_ISSUER?: string }): TokenVerifier | undefined {
  return config.OIDC_ISSUER === undefined
    ? undefined
    : createTokenVerifier({ issuer: config.OIDC_ISSUER, audience });
}

/**
 * Puts the identity of whoever sent a valid bearer token into the context of the request; without a token the request
 * goes on as nobody's, or, with `Portico-User: unknown` of the gateway, as that of somebody who isn't known at the moment.
 * Nothing else that a request says of its sender counts.
 * @throws Problem `unauthenticated` for a token that isn't valid, whatever the request is for.
 */
export function identifyUser(verify: TokenVerifier): RequestHandler {
  return (req, res, next) => {
    const token = bearerToken(req);
    if (token !== undefined) return identifyBearer(token, contextOf(res), next);
    if (req.headers['portico-user'] === 'unknown') contextOf(res).isUserUnknown = true;
    next();
    // Most requests have no token, and a promise would cost them more than everything here.
    return undefined;
  };

  async function identifyBearer(token: string, context: RequestContext, next: NextFunction): Promise<void> {
    // The provider may hang, and knows nothing of the time of this request.
    context.identity = await unlessAborted(verify(token), context.signal);
    next();
  }
}

/** RFC 6750 section 2.1. Other schemes are none that says anything here. */
function bearerToken(req: IncomingMessage): string | undefined {
  if (req.headers.authorization === undefined) return undefined;
  const [field, ...more] = req.headersDistinct.authorization ?? [];
  // Node keeps the first of several, another server may go by the last.
  if (more.length > 0) throw invalidToken();
  if (field === undefined || !/^bearer(\s|$)/i.test(field)) return undefined;
  const token = /^bearer +([\w.~+/-]+=*) *$/i.exec(field)?.[1];
  if (token === undefined) throw invalidToken();
  return token;
}

/** @throws Problem `unauthenticated` when nobody is signed in, `unavailable` when it can't be said now who is. */
export function requireIdentity({ identity, isUserUnknown = false }: RequestContext): Identity {
  if (identity !== undefined) return identity;
  if (isUserUnknown) throw unknownUser();
  throw new Problem('unauthenticated', 'This needs a user: send an access token as a bearer token.', {
    headers: { 'WWW-Authenticate': 'Bearer' },
  });
}

/** The answer to somebody whose session can't be looked up. */
export function unknownUser(cause?: unknown): Problem {
  return new Problem('unavailable', 'Who you are can not be looked up at the moment.', {
    headers: { 'Retry-After': '1' },
    cause,
  });
}

/** @throws Problem `unauthenticated` or, for somebody who has none of these roles, `forbidden`. */
export function requireRole(context: RequestContext, ...roles: readonly string[]): Identity {
  const identity = requireIdentity(context);
  if (roles.some((role) => identity.roles.includes(role))) return identity;
  throw forbidden(`This takes the role ${roles.join(' or ')}, which you don't have.`);
}

/** The answer to somebody who is known, but may not do this. @param detail who may */
export function forbidden(detail: string): Problem {
  return new Problem('forbidden', detail, {
    headers: { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' },
  });
}
