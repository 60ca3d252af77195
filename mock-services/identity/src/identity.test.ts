import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTokenVerifier, type TokenVerifier } from '@portico/runtime/access-token.ts';
import {
  authorizationPath,
  cli,
  createBrowser,
  exchange,
  ordersSecret,
  phone,
  startIdentity,
  type TestIdentity,
  token,
} from './identity.fixture.ts';

let identity: TestIdentity;
let verify: TokenVerifier;
before(async () => {
  identity = await startIdentity();
  verify = createTokenVerifier({ issuer: identity.issuer, audience: 'portico' });
});
after(() => identity.close());

async function tokensOf(login: string, app = cli) {
  const address = await createBrowser(identity.issuer).signIn(app, login);
  const { status, body } = await exchange(identity.issuer, app, address.searchParams.get('code'));
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

function decode(jwt: string | undefined, part: 0 | 1) {
  return JSON.parse(Buffer.from(jwt?.split('.')[part] ?? '', 'base64url').toString());
}

describe('Signing in', () => {
  it('gives an access token that says who it is, for a quarter of an hour (RFC 9068)', async () => {
    const { access_token, expires_in, refresh_token, scope } = await tokensOf('ada');
    assert.equal(decode(access_token, 0).typ, 'at+jwt');
    assert.equal(decode(access_token, 0).alg, 'RS256');
    const { jti, iat, exp, ...claims } = decode(access_token, 1);
    assert.deepEqual(claims, {
      iss: identity.issuer,
      aud: 'portico',
      sub: 'c1',
      name: 'Ada L.',
      roles: ['customer'],
      scope: 'shop',
      client_id: 'portico-cli',
    });
    assert.ok(jti.length > 10);
    assert.deepEqual([exp - iat, expires_in, scope], [900, 900, 'shop']);
    assert.equal(refresh_token, undefined, 'the command line keeps nothing');
  });

  it('is for all users of the demo, each as themselves', async () => {
    for (const [login, subject, roles] of [
      ['grace', 'c2', ['customer']],
      [' C3 ', 'c3', ['customer']],
      ['c200', 'c200', ['customer']],
      ['root', 'root', ['operator']],
    ] as const) {
      const found = await verify(String((await tokensOf(login)).access_token));
      assert.deepEqual([found.subject, found.roles], [subject, roles]);
    }
  });

  it('gives an id token that no service takes for an access token', async () => {
    const { id_token } = await tokensOf('ada');
    assert.equal(decode(id_token, 1).name, 'Ada L.');
    await assert.rejects(verify(String(id_token)), { problem: 'unauthenticated' });
  });

  it('ends at the app with the code, its state and the issuer', async () => {
    const { origin, pathname, searchParams } = await createBrowser(identity.issuer).signIn(cli, 'ada');
    assert.equal(origin + pathname, cli.redirect_uri);
    assert.equal(searchParams.get('state'), 'the-state');
    assert.equal(searchParams.get('iss'), identity.issuer);
  });
});

describe('A code', () => {
  const codeOf = async () =>
    (await createBrowser(identity.issuer).signIn(cli, 'ada')).searchParams.get('code');

  it('is worth nothing without the verifier of whoever asked for it', async () => {
    const code_verifier = 'w'.repeat(43);
    assert.equal((await exchange(identity.issuer, cli, await codeOf(), { code_verifier })).status, 400);
    assert.equal((await exchange(identity.issuer, cli, await codeOf(), { code_verifier: '' })).status, 400);
  });

  it('is worth nothing to another app, at another address, or twice', async () => {
    const code = await codeOf();
    assert.equal((await exchange(identity.issuer, cli, code)).status, 200);
    assert.equal((await exchange(identity.issuer, cli, code)).status, 400);
    assert.equal((await exchange(identity.issuer, phone, await codeOf())).status, 400);
    const elsewhere = { ...cli, redirect_uri: 'http://127.0.0.1:5999/callback' };
    assert.equal((await exchange(identity.issuer, elsewhere, await codeOf())).status, 400);
  });
});

describe('An app', () => {
  const { get } = { get: (path: string) => createBrowser(identity.issuer).get(path) };

  it('may be at any port of the loopback, and nowhere else', async () => {
    const allowed = { redirect_uri: 'http://127.0.0.1:61234/callback' };
    assert.match((await get(authorizationPath(cli, allowed))).location, /^\/interaction\//);
    for (const redirect_uri of [
      'http://localhost:5123/callback',
      'http://127.0.0.1:5123/other',
      'http://127.0.0.1.evil.example/callback',
      'https://evil.example/callback',
      'com.example.portico:/callback',
      undefined,
    ]) {
      const { status, location, text } = await get(authorizationPath(cli, { redirect_uri }));
      assert.deepEqual([status, location], [400, ''], redirect_uri);
      assert.match(text, /role="alert"/);
    }
  });

  it('must use PKCE with SHA-256, and code flow', async () => {
    for (const wrong of [
      { code_challenge: undefined, code_challenge_method: undefined },
      { code_challenge: 'v'.repeat(43), code_challenge_method: 'plain' },
      { response_type: 'token' },
      { response_type: 'id_token', nonce: 'n' },
      { response_type: 'code id_token', nonce: 'n' },
    ]) {
      const { location } = await get(authorizationPath(cli, wrong));
      const { searchParams, hash } = new URL(location, identity.issuer);
      assert.match(
        `${searchParams}${hash}`,
        /error=(invalid_request|unsupported_response_type)/,
        JSON.stringify(wrong),
      );
    }
  });

  it('can not ask for tokens for other APIs', async () => {
    const { location } = await get(authorizationPath(cli, { resource: 'https://bank.example' }));
    assert.match(location, /error=invalid_target/);
  });

  it('has no other way to a token', async () => {
    const user = { username: 'ada', password: 'demo', client_id: cli.client_id };
    for (const grant_type of ['password', 'client_credentials', 'implicit', 'refresh_token']) {
      const { status, body } = await token(identity.issuer, { grant_type, ...user, refresh_token: 'x' });
      assert.equal(status, 400, grant_type);
      assert.match(
        String(body.error),
        /unsupported_grant_type|unauthorized_client|invalid_request/,
        grant_type,
      );
    }
  });
});

describe('The phone', () => {
  const refresh = (refresh_token: string | undefined) =>
    token(identity.issuer, {
      grant_type: 'refresh_token',
      client_id: phone.client_id,
      refresh_token: String(refresh_token),
    });

  it('goes on with a refresh token, a new one each time', async () => {
    const first = await tokensOf('ada', phone);
    const second = await refresh(first.refresh_token);
    assert.equal(second.status, 200);
    assert.notEqual(second.body.refresh_token, first.refresh_token);
    assert.equal((await verify(String(second.body.access_token))).subject, 'c1');
    assert.deepEqual((await verify(String(second.body.access_token))).scopes, ['shop']);
  });

  it('loses all of them when an old one is used again, as somebody may have stolen it (RFC 9700 section 4.14)', async () => {
    const first = await tokensOf('ada', phone);
    const second = await refresh(first.refresh_token);
    assert.equal((await refresh(first.refresh_token)).status, 400);
    assert.equal((await refresh(second.body.refresh_token)).status, 400);
  });

  it('can give its refresh token back', async () => {
    const { refresh_token } = await tokensOf('ada', phone);
    const form = new URLSearchParams({ token: String(refresh_token), client_id: phone.client_id });
    const revoked = await fetch(`${identity.issuer}/token/revocation`, { method: 'POST', body: form });
    assert.equal(revoked.status, 200);
    assert.equal((await refresh(refresh_token)).status, 400);
  });
});

describe('A service', () => {
  const ask = (form: Record<string, string>, secret = ordersSecret, name = 'orders') => {
    const basic = Buffer.from([name, secret].map(encodeURIComponent).join(':')).toString('base64');
    return token(identity.issuer, form, { authorization: `Basic ${basic}` });
  };

  it('gets tokens of its own with its secret, in the role of a service and no other', async () => {
    const { status, body } = await ask({ grant_type: 'client_credentials', scope: 'shop' });
    assert.equal(status, 200, JSON.stringify(body));
    const found = await verify(String(body.access_token));
    assert.deepEqual([found.subject, found.roles, found.scopes], ['orders', ['service'], ['shop']]);
    assert.deepEqual([body.expires_in, body.refresh_token], [900, undefined]);
  });

  it('gets none without its secret, for another API, or in the name of a user', async () => {
    const own = { grant_type: 'client_credentials' };
    assert.equal((await ask(own, 'another secret')).status, 401);
    assert.equal((await ask(own, ordersSecret, 'payments')).status, 401);
    assert.equal((await token(identity.issuer, { ...own, client_id: 'orders' })).status, 401);
    assert.equal((await ask({ ...own, resource: 'https://bank.example' })).status, 400);
    assert.equal((await ask({ grant_type: 'password', username: 'ada', password: 'demo' })).status, 400);
    const { location } = await createBrowser(identity.issuer).get(
      authorizationPath({ client_id: 'orders', redirect_uri: cli.redirect_uri }),
    );
    assert.equal(location, '');
  });
});

describe('New keys', () => {
  it('sign from now on, and what the old ones signed stays valid', async () => {
    const old = await tokensOf('ada', phone);
    await verify(String(old.access_token));
    identity.rotateKeys();
    const fresh = await tokensOf('ada');
    assert.notEqual(decode(fresh.access_token, 0).kid, decode(old.access_token, 0).kid);
    assert.notEqual(decode(fresh.id_token, 0).kid, decode(old.id_token, 0).kid);
    assert.equal((await verify(String(fresh.access_token))).subject, 'c1');
    assert.equal((await verify(String(old.access_token))).subject, 'c1');
  });

  it('keep everybody signed in, and sign-ins under way go on', async () => {
    const browser = createBrowser(identity.issuer);
    const begun = await browser.begin(cli);
    identity.rotateKeys();
    const sent = await browser.post(`${begun}/login`, { login: 'ada', password: 'demo' });
    const code = new URL((await browser.get(sent.location)).location).searchParams.get('code');
    identity.rotateKeys();
    assert.equal((await exchange(identity.issuer, cli, code)).status, 200);
  });

  it('publish no private part', async () => {
    const { keys } = (await (await fetch(`${identity.issuer}/jwks`)).json()) as { keys: object[] };
    assert.ok(keys.length > 1 && keys.length <= 5);
    for (const key of keys) assert.deepEqual(Object.keys(key).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use']);
  });
});

it('The provider describes what it has, and answers to its own name alone', async () => {
  const path = '/.well-known/openid-configuration';
  const described = (await (await fetch(identity.issuer + path)).json()) as Record<string, unknown>;
  assert.equal(described.issuer, identity.issuer);
  assert.deepEqual(described.response_types_supported, ['code']);
  assert.deepEqual(described.code_challenge_methods_supported, ['S256']);
  for (const name of ['userinfo_endpoint', 'registration_endpoint', 'device_authorization_endpoint']) {
    assert.equal(described[name], undefined);
  }
  const other = identity.issuer.replace('127.0.0.1', 'localhost');
  const refused = await fetch(other + path).catch(() => undefined);
  // Where localhost is IPv6 first, nobody listens there.
  if (refused !== undefined) assert.equal(refused.status, 400);
  assert.equal((await fetch(`${identity.issuer}/nothing`)).status, 404);
});
