import { createHttpApp } from '@portico/runtime/http-app.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { Tracing } from '@portico/runtime/tracing.ts';
import type { Express, RequestHandler } from 'express';
import { createEndOfUser, type EndOfUser } from './end-of-user.ts';
import type { SigningKeys } from './keys/signing-keys.ts';
import { createAttemptLimit } from './login/attempt-limit.ts';
import { createKnownBrowsers } from './login/known-browsers.ts';
import { createLoginRouter } from './login/login-routes.ts';
import type { GatewayClient } from './provider/clients.ts';
import { createProvider } from './provider/create-provider.ts';
import { createProviderMemory } from './provider/memory-adapter.ts';
import type { Users } from './users.ts';

export interface IdentityParts {
  /** The address that browsers and tokens know it by. */
  readonly issuer: string;
  readonly users: Users;
  readonly keys: SigningKeys;
  /** Signs the cookies. */
  readonly cookieKey: string;
  /** Of the service `orders`, which gets no tokens when left out. */
  readonly ordersSecret?: string | undefined;
  /** With which users of the web sign in; nobody does when left out. */
  readonly gateway?: GatewayClient | undefined;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | undefined;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Comes before everything that the provider does. */
  readonly faults?: RequestHandler | undefined;
}

export interface Identity extends EndOfUser {
  readonly app: Express;
  /** Signs with a new key from now on; the old ones stay published. Whoever is signed in stays so. */
  rotateKeys(): void;
}

/** An OpenID provider for the demo: users sign in on a page of its own, apps get access tokens that are JWTs. */
export function createIdentity(parts: IdentityParts): Identity {
  const { issuer, users, keys, cookieKey, log, metrics, tracing, now = Date.now } = parts;
  const memory = createProviderMemory(now, undefined, parts.gateway?.id);
  // A provider has its keys for life: with new ones comes a new provider, on the same memory.
  const open = () => {
    const { ordersSecret, gateway } = parts;
    const opened = createProvider({
      issuer,
      users,
      memory,
      keys: keys.current(),
      cookieKey,
      ordersSecret,
      gateway,
    });
    opened.on('backchannel.error', (_ctx, error) =>
      log.warn({ reason: error.message }, 'a logout was not heard'),
    );
    opened.on('server_error', (_ctx, error) => log.error({ err: error }, 'the provider failed'));
    return opened;
  };
  let provider = open();

  const app = createHttpApp({ log, metrics, tracing, timeoutMs: 10_000, now }, (app) => {
    if (parts.faults !== undefined) app.use(parts.faults);
    app.use(refuseOtherNames(issuer));
    const attempts = createAttemptLimit({ now });
    const browsers = createKnownBrowsers(cookieKey);
    app.use(createLoginRouter({ issuer, users, attempts, browsers, provider: () => provider }));
    app.use((req, res, next) => {
      const place = placeOf(req.path);
      if (place === undefined) return next();
      res.locals.route = place;
      return provider.callback()(req, res);
    });
  });
  const clientIds = parts.gateway === undefined ? [] : [parts.gateway.id];
  return {
    app,
    ...createEndOfUser({ users, memory, provider: () => provider, clientIds }),
    rotateKeys: () => {
      keys.rotate();
      provider = open();
    },
  };
}

/** The provider would build its addresses from whatever name a request uses. */
function refuseOtherNames(issuer: string): RequestHandler {
  const { host } = new URL(issuer);
  return (req, _res, next) => {
    if (req.headers.host !== host) throw new Problem('invalid-request', `This provider is at ${issuer}.`);
    next();
  };
}

/** The places of the provider; the rest of the path is different in every request, or names nothing. */
const places = ['/auth', '/token', '/jwks', '/session', '/.well-known'];

function placeOf(path: string): string | undefined {
  return places.find((place) => path === place || path.startsWith(`${place}/`));
}
