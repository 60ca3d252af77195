import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTokenVerifier, type TokenVerifier } from '@portico/runtime/access-token.ts';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose';

/** What a token says beside the usual; undefined leaves a claim out. */
export type Claims = Readonly<Record<string, unknown>>;

export interface TokenIssuer {
  readonly issuer: string;
  /** Verifies its tokens, as a service does. */
  readonly verify: TokenVerifier;
  /**
   * A valid access token of a customer for the next quarter of an hour, with these claims and header members instead of
   * the usual ones.
   */
  mint(claims?: Claims, header?: Partial<JWTHeaderParameters>): Promise<string>;
  /** `Authorization` fields with tokens of customer c1, customer c2, the operator and a service. */
  readonly ada: { readonly authorization: string };
  readonly grace: { readonly authorization: string };
  readonly root: { readonly authorization: string };
  readonly service: { readonly authorization: string };
  /** Signs with a new key from now on; the old one stays published. */
  rotate(): Promise<void>;
  /** The public part of the key that signs. */
  publicKey(): CryptoKey;
  /** How often somebody has read the keys. */
  keyReads(): number;
  /** Answers 503 to everybody while true. */
  setAway(away: boolean): void;
  close(): Promise<void>;
}

/** An OpenID provider that publishes keys, signs whatever a test tells it to, and takes everybody for the service `orders`. */
export async function startTokenIssuer(): Promise<TokenIssuer> {
  const keys: Awaited<ReturnType<typeof createKey>>[] = [await createKey('key-1')];
  let keyReads = 0;
  let away = false;
  const server = createServer((req, res) => {
    if (req.url === '/jwks') keyReads += 1;
    const answers: Record<string, object> = {
      '/.well-known/openid-configuration': {
        issuer,
        jwks_uri: `${issuer}/jwks`,
        token_endpoint: `${issuer}/token`,
      },
      '/jwks': { keys: keys.map(({ jwk }) => jwk) },
    };
    res.statusCode = away ? 503 : 200;
    res.setHeader('Content-Type', 'application/json');
    if (req.url === '/token') {
      void mint({ sub: 'orders', roles: ['service'] }).then((access_token) =>
        res.end(JSON.stringify({ access_token, expires_in: 900 })),
      );
      return;
    }
    res.end(JSON.stringify(answers[String(req.url)] ?? {}));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const signing = () => {
    const key = keys.at(-1);
    if (key === undefined) throw new Error('there is no key');
    return key;
  };
  const mint: TokenIssuer['mint'] = (claims = {}, header = {}) => {
    const now = Math.floor(Date.now() / 1_000);
    const { kid, privateKey } = signing();
    const usual = { iss: issuer, aud: 'portico', iat: now, exp: now + 900, client_id: 'test', jti: 'test' };
    const payload = { ...usual, sub: 'c1', name: 'Ada', roles: ['customer'], scope: 'shop', ...claims };
    return new SignJWT(payload)
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, ...header })
      .sign(privateKey);
  };
  const fieldOf = async (claims: Claims) => ({ authorization: `Bearer ${await mint(claims)}` });

  return {
    issuer,
    verify: createTokenVerifier({ issuer, audience: 'portico' }),
    mint,
    ada: await fieldOf({}),
    grace: await fieldOf({ sub: 'c2', name: 'Grace' }),
    root: await fieldOf({ sub: 'root', name: 'Operator', roles: ['operator'] }),
    service: await fieldOf({ sub: 'orders', name: undefined, roles: ['service'] }),
    rotate: async () => {
      keys.push(await createKey(`key-${keys.length + 1}`));
    },
    publicKey: () => signing().publicKey,
    keyReads: () => keyReads,
    setAway: (next) => {
      away = next;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function createKey(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  return {
    kid,
    publicKey,
    privateKey,
    jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' },
  };
}
