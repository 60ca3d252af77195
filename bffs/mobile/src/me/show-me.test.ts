import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { toSessionEnded } from '@portico/contracts/events/session-ended.ts';
import { badTokens } from '@portico/testing/bad-tokens.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import supertest from 'supertest';
import { createTestBff } from '../mobile-bff.fixture.ts';

// A clock that stands still, so that nothing that was read grows old while a test runs.
const now = () => 1_800_000_000_000;
let shop: ShopServices;
let issuer: TokenIssuer;
let bff: ReturnType<typeof createTestBff>;
before(async () => {
  shop = await startShopServices();
  issuer = await startTokenIssuer();
  bff = createTestBff(shop.urls, { verifyToken: issuer.verify, callTimeoutMs: 20_000, now });
});
after(async () => {
  await Promise.all([bff.close(), shop.close(), issuer.close()]);
});
afterEach(() => {
  shop.setFault('customers', undefined);
  shop.takeCalls();
});

const get = (path: string, fields: Record<string, string | undefined> = {}) =>
  supertest(bff.app).get(path).set(fields);

describe('/me', () => {
  it('is the customer whose token was sent, and is kept by nobody', async () => {
    const { status, headers, body } = await get('/api/v1/me', issuer.ada);
    assert.equal(status, 200);
    assert.deepEqual(body, { id: 'c1', displayName: 'Customer 1' });
    assert.equal(headers['cache-control'], 'private, no-store');
    assert.deepEqual((await get('/api/v1/me', issuer.grace)).body, { id: 'c2', displayName: 'Customer 2' });
  });

  it('is unchanged for whoever has its ETag', async () => {
    const { headers } = await get('/api/v1/me', issuer.ada);
    const again = await get('/api/v1/me', { ...issuer.ada, 'If-None-Match': headers.etag });
    assert.equal(again.status, 304);
    const other = await get('/api/v1/me', { ...issuer.grace, 'If-None-Match': headers.etag });
    assert.equal(other.status, 200);
  });

  it('is for those who are signed in', async () => {
    for (const fields of [{}, { 'Portico-Subject': 'c1' }, { Authorization: 'Basic YWRhOmRlbW8=' }]) {
      const { status, headers, body } = await get('/api/v1/me', fields);
      assert.deepEqual([status, headers['www-authenticate']], [401, 'Bearer']);
      assert.equal(body.type, 'urn:portico:problem:unauthenticated');
    }
  });

  it('is not available while nobody can say who asks, and the catalogue is', async () => {
    const unknown = { 'Portico-User': 'unknown' };
    for (const path of ['/api/v1/me', '/api/v1/me/orders', '/api/v1/orders/o1']) {
      const { status, headers, body } = await get(path, unknown);
      assert.deepEqual([status, headers['retry-after']], [503, '1'], path);
      assert.equal(body.type, 'urn:portico:problem:unavailable');
    }
    const { status, headers } = await get('/api/v1/products/p1', unknown);
    assert.deepEqual([status, headers['cache-control']], [200, 'private, no-store']);
  });

  it('is not there for an operator, nor for a user who can be no customer', async () => {
    const subjects = ['root', 'c6', 'auth0|7', '../customers', 'c1,c2'];
    for (const sub of subjects) {
      const { status } = await get('/api/v1/me', { Authorization: `Bearer ${await issuer.mint({ sub })}` });
      assert.equal(status, 404, sub);
    }
  });

  it('fails with the service that knows customers, and says so', async () => {
    shop.setFault('customers', 'fail');
    const { status, body } = await get('/api/v1/me', {
      Authorization: `Bearer ${await issuer.mint({ sub: 'c4' })}`,
    });
    assert.equal(status, 503);
    assert.match(body.detail, /customer directory/);
  });
});

describe('A token', () => {
  it('that must not be believed is a 401 for every screen, and no service is asked', async () => {
    for (const [name, token] of Object.entries(await badTokens(issuer))) {
      for (const path of ['/api/v1/me', '/api/v1/home', '/api/v1/products/p1']) {
        const { status } = await get(path, { Authorization: `Bearer ${token}` });
        assert.equal(status, 401, `${name} ${path}`);
      }
    }
    assert.deepEqual(shop.takeCalls(), []);
  });

  it('is sent to no service that needs no user, and the catalogue is cached for all', async () => {
    const path = '/api/v1/products/p9';
    await get(path, issuer.ada);
    const calls = shop.takeCalls();
    assert.ok(calls.length > 0);
    for (const { headers } of calls) assert.equal(headers.authorization, undefined);
    await get(path, issuer.grace);
    const { headers } = await get(path);
    assert.deepEqual(shop.takeCalls(), []);
    assert.equal(headers['cache-control'], 'no-cache');
  });
});

it('What is kept for a user is dropped when the gateway says that a session of that user has ended', async (t) => {
  const own = createTestBff(shop.urls, { verifyToken: issuer.verify, callTimeoutMs: 20_000, now });
  t.after(own.close);
  const made = async () => {
    const metric = await own.metrics.registry.getSingleMetric('portico_cache_misses_total')?.get();
    return metric?.values.find(({ labels }) => (labels as Record<string, unknown>).of === 'whole')?.value;
  };
  const ask = () => supertest(own.app).get('/api/v1/me').set(issuer.ada).expect(200);
  await ask();
  await ask();
  assert.equal(await made(), 1);
  await supertest(own.app)
    .post('/session-ends')
    .type('application/cloudevents-batch+json')
    .send(JSON.stringify([toSessionEnded('e1', 'c1', 'logout', now())]))
    .expect(204);
  await ask();
  assert.equal(await made(), 2);
});

it('Without a provider nobody is known, whatever token they send', async (t) => {
  const alone = createTestBff(shop.urls, { callTimeoutMs: 20_000 });
  t.after(alone.close);
  const me = await supertest(alone.app).get('/api/v1/me').set(issuer.ada);
  assert.deepEqual([me.status, me.headers['www-authenticate']], [401, 'Bearer']);
  assert.equal((await supertest(alone.app).get('/api/v1/products/p1').set(issuer.ada)).status, 200);
});
