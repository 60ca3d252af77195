import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { badTokens } from '@portico/testing/bad-tokens.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import { createTestWeb, type TestWeb } from '../web-bff.fixture.ts';

let shop: ShopServices;
let issuer: TokenIssuer;
let web: TestWeb;
before(async () => {
  shop = await startShopServices();
  issuer = await startTokenIssuer();
  web = createTestWeb({ ...shop, verifyToken: issuer.verify });
});
after(async () => {
  await Promise.all([web.close(), shop.close(), issuer.close()]);
});
afterEach(() => {
  shop.setFault('customers', undefined);
  shop.takeCalls();
});

const bearer = async (sub: string) => ({ authorization: `Bearer ${await issuer.mint({ sub })}` });

test('me is the customer whose token was sent, and the answer is kept by nobody', async () => {
  const { status, headers, body } = await web.query('{ me { id displayName } }').set(issuer.ada);
  assert.equal(status, 200);
  const id = Buffer.from('Customer:c1').toString('base64url');
  assert.deepEqual(body, { data: { me: { id, displayName: 'Customer 1' } } });
  assert.equal(headers['cache-control'], 'private, no-store');
});

test('me is null for visitors, operators, and users who are no customers', async () => {
  for (const fields of [{}, issuer.root, await bearer('c6'), await bearer('auth0|7'), { 'x-user': 'c1' }]) {
    const { body } = await web.query('{ me { id } }').set(fields);
    assert.deepEqual(body, { data: { me: null } });
  }
});

test('me is null with an error when the service that knows customers fails', async () => {
  shop.setFault('customers', 'fail');
  const { body } = await web.query('{ me { id } categories { slug } }').set(await bearer('c4'));
  assert.equal(body.data.me, null);
  assert.ok(body.data.categories.length > 0);
  assert.equal(body.errors[0].extensions.code, 'SERVICE_UNAVAILABLE');
  assert.equal(body.errors[0].extensions.service, 'customers');
});

test('a token that must not be believed is a 401 problem, and nothing is executed', async () => {
  for (const [name, token] of Object.entries(await badTokens(issuer))) {
    const { status, headers } = await web
      .query('{ me { id } categories { slug } }')
      .set('Authorization', `Bearer ${token}`);
    assert.equal(status, 401, name);
    assert.equal(headers['content-type'], 'application/problem+json', name);
  }
  assert.deepEqual(shop.takeCalls(), []);
});

test('a token is sent to no service that needs no user', async () => {
  await web.query('{ product(sku: "p7") { name rating { count } } me { displayName } }').set(issuer.ada);
  const calls = shop.takeCalls();
  assert.ok(calls.length > 0);
  for (const { headers } of calls) assert.equal(headers.authorization, undefined);
});
