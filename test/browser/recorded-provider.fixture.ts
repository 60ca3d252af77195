import { randomBytes } from 'node:crypto';
import { createLogger } from '@portico/runtime/log.ts';
import type { RequestHandler } from 'express';
import { startIdentity } from '../../mock-services/identity/src/identity.fixture.ts';

/**
 * The demo's OpenID provider in this process, which writes down all tokens that it gives.
 * @param publicUrl where browsers reach the gateway
 */
export async function startRecordedProvider(publicUrl: string) {
  const tokens = new Set<string>();
  const lines: string[] = [];
  const ordersSecret = randomBytes(24).toString('hex');
  const gateway = { id: 'portico-gateway', secret: randomBytes(24).toString('hex'), publicUrl };
  const { issuer, close } = await startIdentity({
    gateway,
    ordersSecret,
    log: createLogger({
      name: 'identity',
      level: 'trace',
      destination: { write: (line) => lines.push(line) },
    }),
    faults: recordTokens(tokens),
  });
  /** What the demo has to be told to use it. */
  const settings = {
    OIDC_ISSUER: issuer,
    OIDC_CLIENT_ID: gateway.id,
    OIDC_CLIENT_SECRET: gateway.secret,
    ORDERS_CLIENT_SECRET: ordersSecret,
  };
  return {
    tokens,
    secrets: [gateway.secret, ordersSecret],
    settings,
    log: () => lines.join(''),
    close,
  };
}

/** Remembers the tokens in answers of the token endpoint (RFC 6749 section 5.1). */
function recordTokens(tokens: Set<string>): RequestHandler {
  return (req, res, next) => {
    if (req.path === '/token') {
      const end = res.end;
      res.end = ((...args: Parameters<typeof end>) => {
        const answer = JSON.parse(String(args[0]));
        for (const name of ['access_token', 'refresh_token', 'id_token']) {
          if (typeof answer[name] === 'string') tokens.add(answer[name]);
        }
        return end.apply(res, args);
      }) as typeof end;
    }
    next();
  };
}
