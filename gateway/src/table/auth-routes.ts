import { usualAnswerFields } from '../forward/answer-fields.ts';
import type { Method } from './gateway-file.ts';
import type { AuthEndpoint, OidcTable, Route } from './route-table.ts';

/** The paths that the gateway answers itself where users sign in. */
export const authPaths: Readonly<Record<AuthEndpoint, string>> = {
  login: '/auth/login',
  callback: '/auth/callback',
  logout: '/auth/logout',
  session: '/auth/session',
  'backchannel-logout': '/auth/backchannel-logout',
};

const methods: Readonly<Record<AuthEndpoint, readonly Method[]>> = {
  login: ['GET'],
  callback: ['GET'],
  logout: ['POST'],
  session: ['GET', 'HEAD'],
  'backchannel-logout': ['POST'],
};
const timeoutMs = 10_000;
const maxBodyBytes = 16_384;

/** The routes of the gateway itself, which pass the same door as all others; for each of these hosts, whatever else it has. */
export function authRoutes(oidc: OidcTable, hosts: ReadonlySet<string | undefined>): Route[] {
  const rateLimits: Partial<Record<AuthEndpoint, Route['rateLimit']>> = {
    login: { requests: oidc.signInsPerMinute, perSeconds: 60, by: 'address' },
    callback: { requests: oidc.signInsPerMinute, perSeconds: 60, by: 'address' },
    // Of the provider, for all of its users.
    'backchannel-logout': { requests: 10 * oidc.signInsPerMinute, perSeconds: 60, by: 'address' },
  };
  const endpoints = Object.keys(authPaths) as AuthEndpoint[];
  return [undefined, ...[...hosts].filter((host) => host !== undefined)].flatMap((host) =>
    endpoints.map((endpoint) => ({
      path: authPaths[endpoint],
      host,
      methods: methods[endpoint],
      upstream: undefined,
      endpoint,
      timeoutMs,
      maxBodyBytes: methods[endpoint].includes('POST') ? maxBodyBytes : 0,
      // Each of them knows itself what it needs.
      auth: 'none' as const,
      rateLimit: rateLimits[endpoint],
      requestFields: new Set<string>(),
      answerFields: usualAnswerFields,
    })),
  );
}
