import { Problem } from '@portico/runtime/problems.ts';
import { createSigningKeys, KeysUnavailable } from '@portico/runtime/signing-keys.ts';
import { type JWTPayload, jwtVerify } from 'jose';

/** Whose sessions end: those of one sign-in at the provider where it says which, else all of a user's. */
export type LogoutSubject = readonly [claim: 'sub' | 'sid', value: string];

export interface LogoutTokenOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly fetch?: typeof globalThis.fetch;
}

const event = 'http://schemas.openid.net/event/backchannel-logout';
/** Nobody sends one for later: an old one that somebody kept does nothing. */
const maxAgeS = 120;
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/**
 * Verifies the logout tokens of a provider (OpenID Connect Back-Channel Logout 1.0 section 2.6).
 * @returns a function that throws Problem `invalid-request` for one that isn't valid, `unavailable` when no key is known to tell by
 */
export function createLogoutTokenVerifier(options: LogoutTokenOptions) {
  const { issuer, clientId, now, fetch = globalThis.fetch } = options;
  const keys = createSigningKeys({ issuer, now, fetch });
  return async (token: unknown): Promise<LogoutSubject> => {
    if (typeof token !== 'string') throw invalid('The form has to have one logout_token.');
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        issuer,
        audience: clientId,
        algorithms,
        clockTolerance: 5,
        maxTokenAge: maxAgeS,
        currentDate: new Date(now()),
        requiredClaims: ['iat', 'jti'],
      });
      if (!/^(?:(?:application\/)?(?:logout\+)?jwt)?$/i.test(protectedHeader.typ ?? ''))
        throw new Error('typ');
      return toSubject(payload);
    } catch (error) {
      if (!(error instanceof KeysUnavailable)) throw invalid('The logout_token is not valid here.', error);
      throw new Problem('unavailable', 'The logout_token can not be verified at the moment.', {
        cause: error,
      });
    }
  };
}

function toSubject({ sub, sid, nonce, events }: JWTPayload): LogoutSubject {
  const told = typeof events === 'object' && events !== null && Object.hasOwn(events, event);
  // One with a nonce is an id token (section 2.4).
  if (!told || nonce !== undefined) throw new Error('not a logout token');
  if (typeof sid === 'string' && sid !== '') return ['sid', sid];
  if (typeof sub === 'string' && sub !== '') return ['sub', sub];
  throw new Error('neither sub nor sid');
}

function invalid(detail: string, cause?: unknown): Problem {
  return new Problem('invalid-request', detail, { cause });
}
