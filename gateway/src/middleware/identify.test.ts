import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { badTokens } from '@portico/testing/bad-tokens.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import request from 'supertest';
import { parseGatewayFile } from '../table/read-gateway-file.ts';
import { toRouteTable } from '../table/route-table.ts';
import { answersOk, porticoTable, startTestGateway } from '../test-gateway.fixture.ts';

let issuer: TokenIssuer;
before(async () => {
  issuer = await startTokenIssuer();
});
after(() => issuer.close());

/** A gateway with a route for each way of auth. */
async function startGuarded(t: TestContext) {
  return startTestGateway(t, answersOk, {
    table: (url) => {
      const table = porticoTable(url);
      const [route] = table.routes;
      assert.ok(route);
      const routes = (['none', 'optional', 'required'] as const).map((auth) => ({
        ...route,
        path: `/${auth}`,
        auth,
        rateLimit: auth === 'required' ? { requests: 2, perSeconds: 60, by: 'user' as const } : undefined,
        requestFields: new Set(auth === 'none' ? ['accept'] : ['accept', 'authorization']),
      }));
      return { ...table, routes, jwt: { issuer: issuer.issuer, audience: 'portico' } };
    },
  });
}

test('a valid token goes on to those behind where the route says so, and is taken off where it does not', async (t) => {
  const { url, upstream } = await startGuarded(t);
  const authorization = `Bearer ${await issuer.mint()}`;
  for (const [path, passed] of [
    ['/optional', authorization],
    ['/required', authorization],
    ['/none', undefined],
  ] as const) {
    await request(url).get(path).set('Authorization', authorization).expect(200);
    assert.equal(new Map(upstream.requests.at(-1)?.fields).get('authorization'), passed, path);
  }
});

test('without a token a request goes on where one is optional, and is a 401 where one is required', async (t) => {
  const { url, upstream } = await startGuarded(t);
  await request(url).get('/optional').expect(200);
  const refused = await request(url).get('/required').expect(401);
  assert.equal(refused.headers['www-authenticate'], 'Bearer');
  assert.equal(refused.body.type, 'urn:portico:problem:unauthenticated');
  assert.equal(upstream.requests.length, 1);
});

test('who says of himself that he is unknown is a visitor as any other', async (t) => {
  const { url, upstream } = await startGuarded(t);
  const unknown = { 'Portico-User': 'unknown' };
  for (const path of ['/optional', '/none']) {
    await request(url).get(path).set(unknown).expect(200);
    assert.equal(new Map(upstream.requests.at(-1)?.fields).get('portico-user'), undefined, path);
  }
  await request(url).get('/required').set(unknown).expect(401);
  assert.equal(upstream.requests.length, 2);
});

test('a token that must not be believed is a 401, and nothing is forwarded', async (t) => {
  const { url, upstream } = await startGuarded(t);
  for (const [name, token] of Object.entries(await badTokens(issuer))) {
    for (const path of ['/optional', '/required']) {
      const { status, text, headers } = await request(url).get(path).set('Authorization', `Bearer ${token}`);
      assert.equal(status, 401, `${name} at ${path}: ${text}`);
      assert.equal(headers['www-authenticate'], 'Bearer error="invalid_token"', name);
      assert.ok(token.length < 20 || !text.includes(token), name);
    }
  }
  assert.equal(upstream.requests.length, 0);
});

test('a route may take access tokens for its scopes alone', async (t) => {
  const { url, upstream } = await startTestGateway(t, answersOk, {
    table: (target) => {
      const { upstreams } = porticoTable(target);
      const text = `upstreams: { web: { targets: ["${upstreams.web?.targets[0]}"] } }
jwt: { issuer: "${issuer.issuer}", audience: portico }
routes: [{ path: /orders, upstream: web, auth: required, scopes: [shop, orders] }]`;
      return toRouteTable(parseGatewayFile(text, 'gateway.yaml', {}));
    },
  });
  const get = async (scope: string | undefined) =>
    request(url)
      .get('/orders')
      .set('Authorization', `Bearer ${await issuer.mint({ scope })}`);
  for (const scope of [undefined, '', 'shop', 'orders', 'shop-orders', 'Shop Orders']) {
    const refused = await get(scope);
    assert.equal(refused.status, 403, scope);
    assert.equal(
      refused.headers['www-authenticate'],
      'Bearer error="insufficient_scope", scope="shop orders"',
    );
  }
  await request(url).get('/orders').expect(401);
  assert.equal(upstream.requests.length, 0);
  for (const scope of ['shop orders', 'openid orders shop']) assert.equal((await get(scope)).status, 200);
});

test('a limit by user counts each user, from whatever address', async (t) => {
  const { url } = await startGuarded(t);
  const get = async (sub: string) =>
    (
      await request(url)
        .get('/required')
        .set('Authorization', `Bearer ${await issuer.mint({ sub })}`)
    ).status;
  assert.deepEqual(
    [await get('c1'), await get('c1'), await get('c1'), await get('c2')],
    [200, 200, 429, 200],
  );
});
