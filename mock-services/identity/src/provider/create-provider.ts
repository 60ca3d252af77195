import { type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { SigningKey } from '../keys/signing-keys.ts';
import { errorPage, pageFields, signedOutPage, signOutPage } from '../login/pages.ts';
import type { Users } from '../users.ts';
import { apps, type GatewayClient, gatewayClient, serviceClient } from './clients.ts';
import type { ProviderMemory } from './memory-adapter.ts';

export interface ProviderOptions {
  readonly issuer: string;
  readonly users: Users;
  readonly memory: ProviderMemory;
  /** The first one signs; all are published. */
  readonly keys: readonly SigningKey[];
  readonly cookieKey: string;
  /** Of the client `orders`, which there is not when left out. */
  readonly ordersSecret?: string | undefined;
  /** There is no such client when left out. */
  readonly gateway?: GatewayClient | undefined;
}

/** The one API that tokens are for; RFC 8707 wants a URI, and `audience` is what stands in tokens. */
const resource = 'urn:portico:shop';
const audience = 'portico';
const accessTokenS = 900;
const dayS = 86_400;

/**
 * oidc-provider, with just what the shop's apps need: code and PKCE, JWTs as access tokens, rotated refresh tokens; and tokens
 * for services that act for themselves.
 */
export function createProvider(options: ProviderOptions): Provider {
  const { issuer, users, memory, keys, cookieKey, ordersSecret, gateway } = options;
  const configuration: Configuration = {
    adapter: memory.adapter,
    clients: [
      ...apps,
      ...(ordersSecret === undefined ? [] : [serviceClient('orders', ordersSecret)]),
      ...(gateway === undefined ? [] : [gatewayClient(gateway)]),
    ],
    jwks: { keys: keys.map((key) => ({ ...key })) },
    cookies: { keys: [cookieKey] },
    // Its own refuses addresses of this machine, where the gateway of the demo is. No client can register another address.
    fetch: (url, init) => globalThis.fetch(url, { ...init, dispatcher: undefined } as RequestInit),
    scopes: ['openid'],
    claims: { openid: ['sub'], profile: ['name', 'roles'] },
    // No userinfo endpoint, so the id token says what the scopes ask for.
    conformIdTokenClaims: false,
    responseTypes: ['code'],
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    features: {
      devInteractions: { enabled: false },
      // Services look at no proof of possession, so none may be asked for.
      dPoP: { enabled: false },
      clientCredentials: { enabled: ordersSecret !== undefined },
      pushedAuthorizationRequests: { enabled: false },
      backchannelLogout: { enabled: gateway !== undefined },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => showPage(ctx, signOutPage(form), gateway?.publicUrl),
        postLogoutSuccessSource: (ctx) => showPage(ctx, signedOutPage()),
      },
      userinfo: { enabled: false },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, indicator) => {
          if (indicator !== resource) throw new errors.InvalidTarget();
          const sign = { alg: 'RS256', kid: keys[0]?.kid } as const;
          return {
            scope: 'shop',
            audience,
            accessTokenTTL: accessTokenS,
            accessTokenFormat: 'jwt',
            jwt: { sign },
          };
        },
      },
    },
    ttl: {
      AccessToken: accessTokenS,
      ClientCredentials: accessTokenS,
      AuthorizationCode: 60,
      IdToken: accessTokenS,
      Interaction: 600,
      Session: dayS,
      Grant: 30 * dayS,
      RefreshToken: 14 * dayS,
    },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount: (_ctx, subject) => {
      const user = users.bySubject(subject);
      return (
        user && {
          accountId: subject,
          claims: async () => ({ sub: subject, name: user.name, roles: user.roles }),
        }
      );
    },
    extraTokenClaims: (_ctx, token) => {
      if (token.kind === 'ClientCredentials') return { roles: ['service'] };
      const user = 'accountId' in token ? users.bySubject(String(token.accountId)) : undefined;
      return user && { name: user.name, roles: user.roles };
    },
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: () => true,
    // A phone stays signed in when its browser doesn't.
    expiresWithSession: () => false,
    loadExistingGrant,
    renderError: (ctx, out) => {
      showPage(ctx, errorPage(out.error_description ?? out.error));
    },
  };
  return new Provider(issuer, configuration);
}

/** @param next where its form leads in the end */
function showPage(ctx: KoaContextWithOIDC, html: string, next?: string): void {
  for (const [name, value] of Object.entries(pageFields(next))) ctx.set(name, value);
  ctx.type = 'html';
  ctx.body = html;
}

/** The apps are the shop's own: nobody is asked which of its scopes they may have. */
async function loadExistingGrant({ oidc }: KoaContextWithOIDC) {
  const { client, session, account, provider } = oidc;
  if (client === undefined || account === undefined) return undefined;
  const known = session?.grantIdFor(client.clientId);
  const existing = known === undefined ? undefined : await provider.Grant.find(known);
  if (existing?.accountId === account.accountId) return existing;
  const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
  grant.addOIDCScope('openid profile');
  grant.addResourceScope(resource, 'shop');
  await grant.save();
  return grant;
}
