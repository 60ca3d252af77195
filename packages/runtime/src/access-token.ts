import { type JWTPayload, jwtVerify } from 'jose';
import { Problem } from './problems.ts';
import { createSigningKeys, KeysUnavailable } from './signing-keys.ts';

/** Whom a request comes from, as an access token with a valid signature says. */
export interface Identity {
  /** The customer's id; another name for whoever is no customer. */
  readonly subject: string;
  readonly name: string | undefined;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** The token itself, to be passed on to services, which verify it themselves. */
  readonly token: string;
}

/** @throws Problem `unauthenticated` for a token that isn't valid, `unavailable` when no key is known to tell by. */
export type TokenVerifier = (token: string) => Promise<Identity>;

export interface TokenVerifierOptions {
  /** As it stands in tokens (`iss`), to the letter. */
  readonly issuer: string;
  /** Whom a token must be meant for (`aud`). */
  readonly audience: string;
  /** Where the issuer's keys are; asked of the issuer when left out. */
  readonly jwksUrl?: string | undefined;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  readonly fetch?: typeof globalThis.fetch;
}

/** In characters. */
const maxTokenLength = 8_192;
/** How far the clocks of two machines may differ. */
const clockToleranceSeconds = 5;
/** Only signatures that whoever can verify them can't make (RFC 8725 section 3.1). */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/**
 * Verifies access tokens that are JWTs (RFC 9068): the signature by a key that the issuer publishes, and by nothing that
 * the token brings along; algorithm, issuer, audience, time, and the type where the token names one.
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { issuer, audience, jwksUrl, now = Date.now, fetch = globalThis.fetch } = options;
  const keys = createSigningKeys({ issuer, jwksUrl, now, fetch });
  return async (token) => {
    if (token.length > maxTokenLength) throw invalidToken();
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms,
        clockTolerance: clockToleranceSeconds,
        currentDate: new Date(now()),
        requiredClaims: ['sub', 'exp'],
      });
      if (!isAccessTokenType(protectedHeader.typ)) throw invalidToken();
      return toIdentity(payload, token);
    } catch (error) {
      throw toTokenProblem(error);
    }
  };
}

/** The answer to a token that isn't valid; why it isn't is nobody's business, and nothing of it is repeated. */
export function invalidToken(cause?: unknown): Problem {
  return new Problem(
    'unauthenticated',
    'The access token is not valid here, or not any more: get a new one.',
    {
      headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
      cause,
    },
  );
}

function toTokenProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof KeysUnavailable) {
    return new Problem('unavailable', 'Who you are can not be verified at the moment.', {
      headers: { 'Retry-After': '1' },
      cause: error,
    });
  }
  return invalidToken(error);
}

/** RFC 9068 section 2.1: so that no other JWT of the same issuer is taken for an access token. */
function isAccessTokenType(typ: unknown): boolean {
  return typ === undefined || /^(application\/)?at\+jwt$/i.test(String(typ));
}

function toIdentity({ sub, name, roles, scope }: JWTPayload, token: string): Identity {
  if (typeof sub !== 'string' || sub === '') throw invalidToken();
  return {
    subject: sub,
    name: typeof name === 'string' ? name : undefined,
    roles: Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [],
    scopes: typeof scope === 'string' ? scope.split(' ').filter((each) => each !== '') : [],
    token,
  };
}
