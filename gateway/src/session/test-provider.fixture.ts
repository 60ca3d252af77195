import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Claims, startTokenIssuer } from '@portico/testing/token-issuer.ts';

export const client = { id: 'the-gateway', secret: 'a secret: with & odd % signs' } as const;

/** What the token endpoint does with a request instead of answering it. */
export type ProviderTrouble =
  /** Never answers. */
  | 'hang'
  /** Does what was asked, and breaks the connection instead of saying so. */
  | 'lose'
  /** Answers with this error, 400 or, for `server_error`, 500. */
  | { readonly error: string };

interface SignIn {
  readonly parameters: URLSearchParams;
  readonly sub: string;
  readonly sid: string;
  readonly changed: Claims;
}

/** Who signs in, by which sign-in at the provider, and what the id token says instead of the usual. */
export interface TestUser {
  readonly sub?: string;
  readonly sid?: string;
  readonly claims?: Claims;
}

export type TestProvider = Awaited<ReturnType<typeof startTestProvider>>;

/** A strict OpenID provider: codes and refresh tokens count once, PKCE and the client's secret are checked. */
export async function startTestProvider() {
  const tokens = await startTokenIssuer();
  const codes = new Map<string, SignIn>();
  const refreshTokens = new Map<string, SignIn & { usedAt?: number }>();
  const requests: URLSearchParams[] = [];
  let script: (form: URLSearchParams) => ProviderTrouble | undefined = () => undefined;
  let forgivesReuse = false;
  let refreshable = true;
  let becomes: string | undefined;

  const grant = async ({ parameters, sub, sid, changed }: SignIn) => {
    const refresh_token = `refresh-${randomUUID()}`;
    const own = { iss: issuer, sub, name: `Name of ${sub}` };
    const nonce = parameters.get('nonce') ?? undefined;
    const ofId = {
      ...own,
      aud: client.id,
      nonce,
      sid,
      roles: undefined,
      scope: undefined,
      client_id: undefined,
      ...changed,
    };
    if (refreshable) refreshTokens.set(refresh_token, { parameters, sub, sid, changed });
    return {
      access_token: await tokens.mint({ ...own, jti: randomUUID() }),
      id_token: await tokens.mint(ofId, { typ: 'JWT' }),
      ...(refreshable ? { refresh_token } : {}),
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'openid shop',
    };
  };
  const answerTo = async (form: URLSearchParams) => {
    if (form.get('grant_type') === 'authorization_code') {
      const code = form.get('code') ?? '';
      const signIn = codes.get(code);
      codes.delete(code);
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      if (signIn === undefined || signIn.parameters.get('code_challenge') !== challenge) return undefined;
      if (signIn.parameters.get('redirect_uri') !== form.get('redirect_uri')) return undefined;
      return grant(signIn);
    }
    const refreshed = refreshTokens.get(form.get('refresh_token') ?? '');
    if (refreshed === undefined || (refreshed.usedAt !== undefined && !forgivesReuse)) return undefined;
    refreshed.usedAt = Date.now();
    const { sub, changed } = refreshed;
    return grant({ ...refreshed, sub: becomes ?? sub, changed: { ...changed, nonce: undefined } });
  };
  const answerToken = async (req: IncomingMessage, res: ServerResponse) => {
    const form = new URLSearchParams(await text(req));
    requests.push(form);
    const trouble = script(form);
    if (trouble === 'hang') return;
    const authorized = hasSecret(req);
    const answer = authorized && typeof trouble !== 'object' ? await answerTo(form) : undefined;
    if (trouble === 'lose') {
      res.destroy();
      return;
    }
    const error = typeof trouble === 'object' ? trouble.error : 'invalid_grant';
    res.statusCode = answer !== undefined ? 200 : error === 'server_error' ? 500 : authorized ? 400 : 401;
    res.end(JSON.stringify(answer ?? { error: authorized ? error : 'invalid_client' }));
  };

  const server = createServer((req, res) => {
    res.setHeader('Content-Type', 'application/json');
    if (req.url === '/token') return void answerToken(req, res);
    if (req.url === '/revoke')
      return void text(req).then((form) => {
        refreshTokens.delete(new URLSearchParams(form).get('token') ?? '');
        res.end();
      });
    res.end(
      JSON.stringify({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        revocation_endpoint: `${issuer}/revoke`,
        end_session_endpoint: `${issuer}/end`,
        jwks_uri: `${tokens.issuer}/jwks`,
        id_token_signing_alg_values_supported: ['ES256'],
        authorization_response_iss_parameter_supported: true,
      }),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    issuer,
    /** Signs with the provider's key. */
    /** One of OpenID Connect Back-Channel Logout 1.0 for the user c1, but for these claims. */
    logoutToken: (claims: Claims = {}, header = {}) => {
      const now = Math.floor(Date.now() / 1_000);
      const usual = { aud: client.id, iat: now, exp: now + 120, jti: 'x', sub: 'c1' };
      const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
      const notOfThese = { name: undefined, roles: undefined, scope: undefined, client_id: undefined };
      const given = { iss: issuer, ...usual, events, ...notOfThese, ...claims };
      return tokens.mint(given, { typ: 'logout+jwt', ...header });
    },
    mint: (claims: Claims = {}, header = {}) => tokens.mint({ iss: issuer, ...claims }, header),
    /** All that the token endpoint was asked. */
    requests: requests as readonly URLSearchParams[],
    refreshes: () => requests.filter((form) => form.get('grant_type') === 'refresh_token').length,
    /** Every refresh token that is good for something. */
    liveRefreshTokens: () =>
      [...refreshTokens].filter(([, { usedAt }]) => usedAt === undefined).map(([token]) => token),
    behave: (next: typeof script) => {
      script = next;
    },
    /** Takes a used refresh token as often as it comes, as providers with a grace period do for a while. */
    forgiveReuse: () => {
      forgivesReuse = true;
    },
    /** Answers refreshes as if they were of this user. */
    becomes: (sub: string) => {
      becomes = sub;
    },
    giveNoRefreshTokens: () => {
      refreshable = false;
    },
    /** Signs in whoever is sent here, and gives the path at the gateway where the browser goes. */
    authorize: (url: string, { sub = 'c1', sid = `sid-${sub}`, claims = {} }: TestUser = {}) => {
      const parameters = new URL(url).searchParams;
      const code = `code-${randomUUID()}`;
      codes.set(code, { parameters, sub, sid, changed: claims });
      const query = { code, state: parameters.get('state') ?? '', iss: issuer };
      return `${new URL(parameters.get('redirect_uri') ?? '').pathname}?${new URLSearchParams(query)}`;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await Promise.all([once(server, 'close'), tokens.close()]);
    },
  };
}

/** RFC 6749 section 2.3.1: both are form-encoded first. */
function hasSecret({ headers }: IncomingMessage): boolean {
  const [, encoded = ''] = (headers.authorization ?? '').split('Basic ');
  const parts = Buffer.from(encoded, 'base64').toString().split(':');
  const [id, secret] = parts.map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
  return id === client.id && secret === client.secret;
}
