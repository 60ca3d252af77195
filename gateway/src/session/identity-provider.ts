import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  type ClientAuth,
  ClientError,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  enableNonRepudiationChecks,
  type IDToken,
  ResponseBodyError,
  refreshTokenGrant,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
  tokenRevocation,
} from 'openid-client';
import type { OidcTable } from '../table/route-table.ts';

/** What a provider gives us for a user. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** How long the access token lives; unknown when undefined. */
  readonly expiresInS: number | undefined;
  readonly scope: string | undefined;
  /** Of the id token. */
  readonly claims: IDToken | undefined;
}

/** What a sign-in is told by when the browser comes back. */
export interface SignInChecks {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** The OpenID provider that users sign in at; each of its answers is awaited for a few seconds. */
export interface IdentityProvider {
  /** Where a browser goes to sign in: code flow with PKCE (RFC 7636), state and nonce. */
  signInUrl(checks: SignInChecks): Promise<string>;
  /**
   * Changes the code in `callback` for tokens.
   * @throws ProviderRefused when the provider, or what it says, is not what was asked for (state, issuer as of RFC 9207, nonce,
   *   signature, audience)
   */
  redeem(callback: URL, checks: SignInChecks): Promise<Tokens>;
  /** @throws ProviderRefused when the refresh token is good for nothing any more */
  refresh(refreshToken: string): Promise<Tokens>;
  /** Tells it that nobody needs the refresh token any more (RFC 7009). */
  revoke(refreshToken: string): Promise<void>;
  /**
   * Where a browser goes to sign out there as well; undefined where that isn't offered. It has no id token in it: nothing that a
   * browser sees has a token.
   */
  signOutUrl(): Promise<string | undefined>;
}

/** The provider said no. The message is a code of the protocol, and holds nothing secret. */
export class ProviderRefused extends Error {
  override name = 'ProviderRefused';
}

/** The provider gave no answer that can be used: nothing is known. */
export class ProviderUnavailable extends Error {
  override name = 'ProviderUnavailable';
}

/** In seconds, of each request to it. */
const answerTimeoutS = 4;

/** Asks the provider what it offers when it is first needed. */
export function createIdentityProvider(options: OidcTable): IdentityProvider {
  const { issuer, clientId, clientSecret, publicUrl, scope } = options;
  const redirectUri = `${publicUrl}/auth/callback`;
  let known: Promise<Configuration> | undefined;
  const discover = () =>
    discovery(new URL(issuer), clientId, undefined, authenticate(clientSecret), {
      timeout: answerTimeoutS,
      // Keys and secrets go over http where the file says so, and nowhere else.
      execute: [...(issuer.startsWith('http:') ? [allowInsecureRequests] : []), enableNonRepudiationChecks],
    });
  const ask = async <T>(question: (configuration: Configuration) => Promise<T> | T): Promise<T> => {
    try {
      known ??= discover();
      const configuration = await known.catch((error: unknown) => {
        known = undefined;
        throw new ProviderUnavailable(codeOf(error));
      });
      return await question(configuration);
    } catch (error) {
      throw toProviderError(error);
    }
  };

  return {
    signInUrl: ({ state, nonce, verifier }) =>
      ask(async (configuration) => {
        const code_challenge = await calculatePKCECodeChallenge(verifier);
        const checks = { state, nonce, code_challenge, code_challenge_method: 'S256' };
        return buildAuthorizationUrl(configuration, { redirect_uri: redirectUri, scope, ...checks }).href;
      }),
    redeem: (callback, { state, nonce, verifier }) =>
      ask(async (configuration) => {
        const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier };
        return toTokens(await authorizationCodeGrant(configuration, callback, checks));
      }),
    refresh: (refreshToken) =>
      ask(async (configuration) => {
        const refresh = () => refreshTokenGrant(configuration, refreshToken);
        // When the connection breaks, nobody knows whether the token was used up: the next moment is the best one to ask again.
        const answer = await refresh().catch((error) => {
          if (error instanceof TypeError) return refresh();
          throw error;
        });
        return toTokens(answer);
      }),
    revoke: (refreshToken) =>
      ask(async (configuration) => {
        if (configuration.serverMetadata().revocation_endpoint === undefined) return;
        await tokenRevocation(configuration, refreshToken, { token_type_hint: 'refresh_token' });
      }),
    signOutUrl: () =>
      ask((configuration) => {
        if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined;
        return buildEndSessionUrl(configuration, { post_logout_redirect_uri: `${publicUrl}/` }).href;
      }),
  };
}

/** `client_secret_basic` is what every provider has (OpenID Connect Core section 9), unless it says otherwise. */
function authenticate(secret: string): ClientAuth {
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)];
  return (as, client, body, headers) => {
    const offered = as.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    return (offered.includes('client_secret_basic') ? basic : post)(as, client, body, headers);
  };
}

function toTokens(answer: TokenEndpointResponse & TokenEndpointResponseHelpers): Tokens {
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    expiresInS: answer.expires_in,
    scope: answer.scope,
    claims: answer.claims(),
  };
}

/** Codes of our own library for an answer that came, and doesn't fit. */
const doesNotFit = new Set([
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
]);

/** Errors of the library hold requests and answers, with codes and tokens: only the code of one goes further. */
function toProviderError(error: unknown): Error {
  if (error instanceof ProviderUnavailable) return error;
  const code = codeOf(error);
  if (error instanceof AuthorizationResponseError) return new ProviderRefused(code);
  if (error instanceof ResponseBodyError) {
    return code === 'invalid_grant' ? new ProviderRefused(code) : new ProviderUnavailable(code);
  }
  if (error instanceof ClientError && doesNotFit.has(error.code ?? '')) return new ProviderRefused(code);
  return new ProviderUnavailable(code);
}

/** Words of the protocol (RFC 6749 section 5.2), of the library or of Node; nothing that came from elsewhere. */
function codeOf(error: unknown): string {
  const { error: ofProtocol, code, cause, name } = error as Record<string, unknown>;
  if (typeof ofProtocol === 'string' && /^[a-z_]{1,50}$/.test(ofProtocol)) return ofProtocol;
  if (typeof code === 'string' && /^[A-Z_]{1,50}$/.test(code)) return code;
  if (error instanceof TypeError && cause instanceof Error) return codeOf(cause);
  return typeof name === 'string' ? name : 'error';
}
