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
