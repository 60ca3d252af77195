/** What a gateway with Portico's own gateway.yaml needs for sign-ins, where a test makes none. */
export const signInSettings = {
  OIDC_CLIENT_ID: 'portico-gateway',
  OIDC_CLIENT_SECRET: 'a client secret of this test',
  PORTICO_PUBLIC_URL: 'http://localhost:8080',
  PORTICO_SESSION_SECRET: 'a session secret of this test, 32+',
} as const;
