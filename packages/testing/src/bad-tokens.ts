import { createHmac, generateKeyPairSync } from 'node:crypto';
import { exportJWK, exportSPKI, SignJWT } from 'jose';
import type { TokenIssuer } from './token-issuer.ts';

/** Tokens that must not be believed, each with what is wrong with it. */
export async function badTokens({ issuer, mint, publicKey }: TokenIssuer): Promise<Record<string, string>> {
  const good = await mint();
  const [header = '', payload = '', signature = ''] = good.split('.');
  const now = Math.floor(Date.now() / 1_000);
  const forged = (with_: object) => `${header}.${encode({ ...decode(payload), ...with_ })}.${signature}`;
  const unsigned = (alg: string) => `${encode({ ...decode(header), alg })}.${payload}.`;
  const hmac = (secret: string) => {
    const signed = `${encode({ ...decode(header), alg: 'HS256' })}.${payload}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };
  const attacker = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = await exportJWK(attacker.publicKey);
  const byAttacker = (extra: object) =>
    new SignJWT(decode(payload))
      .setProtectedHeader({ ...decode(header), alg: 'ES256', ...extra })
      .sign(attacker.privateKey);

  return {
    expired: await mint({ iat: now - 1_000, exp: now - 100 }),
    'not yet valid': await mint({ nbf: now + 100 }),
    'for another audience': await mint({ aud: 'somebody-else' }),
    'for no audience': await mint({ aud: undefined }),
    'of another issuer': await mint({ iss: 'http://127.0.0.1:9' }),
    'of an issuer that begins the same': await mint({ iss: `${issuer}/` }),
    'without an end': await mint({ exp: undefined }),
    'without a subject': await mint({ sub: undefined }),
    'with an empty subject': await mint({ sub: '' }),
    'of another type': await mint({}, { typ: 'JWT' }),
    'with a critical extension that nobody knows': `${encode({ ...decode(header), crit: ['x'], x: 1 })}.${payload}.${signature}`,
    unsigned: `${header}.${payload}.`,
    'without a signature': `${header}.${payload}`,
    'alg none': unsigned('none'),
    'alg None': unsigned('None'),
    'HS256 with the public key as PEM': hmac(await exportSPKI(publicKey())),
    'HS256 with the public key as JSON': hmac(JSON.stringify(await exportJWK(publicKey()))),
    'HS256 with an empty key': hmac(' '),
    'kid with a path': await byAttacker({ kid: '../../../../dev/null' }),
    'kid with SQL': await byAttacker({ kid: "key-1' or '1'='1" }),
    'kid of nobody': await byAttacker({ kid: 'key-99' }),
    'somebody else’s key under a known kid': await byAttacker({}),
    'its own key in jwk': await byAttacker({ jwk }),
    'its own key in jwk, without kid': await byAttacker({ jwk, kid: undefined }),
    'its own key behind jku': await byAttacker({ jku: 'http://127.0.0.1:9/jwks' }),
    'its own key behind x5u': await byAttacker({ x5u: 'http://127.0.0.1:9/cert' }),
    'another role than was signed': forged({ roles: ['operator'] }),
    'another subject than was signed': forged({ sub: 'root' }),
    'another algorithm than its key': `${encode({ ...decode(header), alg: 'RS256' })}.${payload}.${signature}`,
    '10 kB': await mint({ padding: 'x'.repeat(7_500) }),
    'no token': 'abc',
    'three empty parts': '..',
    'JSON of something else': `${encode({})}.${encode({})}.${encode({})}`,
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString());
}
