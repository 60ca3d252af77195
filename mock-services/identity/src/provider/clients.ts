import type { ClientMetadata } from 'oidc-provider';

const publicClient = {
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  response_types: ['code'],
} satisfies Partial<ClientMetadata>;

/** The apps of the shop. None has a secret, as none could keep one (RFC 8252 section 8.5): PKCE protects their codes. */
export const apps: readonly ClientMetadata[] = [
  {
    ...publicClient,
    client_id: 'portico-cli',
    client_name: 'the portico command',
    grant_types: ['authorization_code'],
    // On any port (RFC 8252 section 7.3).
    redirect_uris: ['http://127.0.0.1/callback'],
  },
  {
    ...publicClient,
    client_id: 'portico-phone',
    client_name: 'Portico for phones',
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: ['com.example.portico:/callback'],
  },
];

/** The gateway, with which users of the web sign in. */
export interface GatewayClient {
  readonly id: string;
  readonly secret: string;
  /** The origin at which browsers reach it. */
  readonly publicUrl: string;
}

/** It can keep a secret, and is told when somebody signs out here (OpenID Connect Back-Channel Logout 1.0). */
export function gatewayClient({ id, secret, publicUrl }: GatewayClient): ClientMetadata {
  return {
    client_id: id,
    client_secret: secret,
    client_name: 'Portico',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [`${publicUrl}/auth/callback`],
    post_logout_redirect_uris: [`${publicUrl}/`],
    backchannel_logout_uri: `${publicUrl}/auth/backchannel-logout`,
    backchannel_logout_session_required: true,
  };
}

/** A service that acts for itself, and not for a user, with tokens of its own (RFC 6749 section 4.4). */
export function serviceClient(name: string, secret: string): ClientMetadata {
  return {
    client_id: name,
    client_secret: secret,
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  };
}
