import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { httpAnswer, type ScriptedRequest, startScriptedServer } from '@portico/testing/scripted-server.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import supertest from 'supertest';
import { createTestBff } from './mobile-bff.fixture.ts';

let shop: ShopServices;
let issuer: TokenIssuer;
before(async () => {
  shop = await startShopServices();
  issuer = await startTokenIssuer();
});
after(() => Promise.all([shop.close(), issuer.close()]));

const review = {
  id: 'r9',
  productId: 'p1',
  customerId: 'c1',
  stars: 4,
  body: 'Good.',
  createdAt: '2026-01-02T03:04:05.000Z',
};

/** The BFF before a service of reviews that answers commands so. */
async function open(t: { after(end: () => unknown): void }, status: number, body: object) {
  const reviews = await startScriptedServer(() => [
    httpAnswer(status, JSON.stringify(body), {
      'Content-Type': 'application/json',
      'Commit-Id': 'reviews:5',
    }),
  ]);
  t.after(reviews.close);
  const bff = createTestBff({ ...shop.urls, reviews: reviews.url }, { verifyToken: issuer.verify });
  t.after(bff.close);
  const add = (id = 'p1') => supertest(bff.app).post(`/api/v1/products/${id}/reviews`).set(issuer.ada);
  return { reviews, add, app: bff.app };
}
const sent = { stars: 4, body: 'Good.' };

test('a review is sent on once, with its key and its user, and comes back as the app shows it', async (t) => {
  const { reviews, add } = await open(t, 201, review);
  const answer = await add().set('Idempotency-Key', 'key-1').send(sent);
  assert.equal(answer.status, 201);
  assert.deepEqual(answer.body, {
    id: 'r9',
    ...sent,
    createdAt: review.createdAt,
    author: { displayName: 'Customer 1' },
  });
  assert.equal(answer.headers['cache-control'], 'private, no-store');
  assert.equal(answer.headers.etag, undefined);
  const [{ target, fields, body }] = reviews.requests as [ScriptedRequest];
  assert.deepEqual([target, await body], ['/products/p1/reviews', JSON.stringify(sent)]);
  const { authorization, 'idempotency-key': key } = Object.fromEntries(fields);
  assert.deepEqual([authorization, key], [issuer.ada.authorization, 'key-1']);
});

test('a command without a key, a user, the role or a product is refused before it is sent', async (t) => {
  const { reviews, add, app } = await open(t, 201, review);
  assert.equal((await add().send(sent)).status, 400);
  assert.equal((await add('p99999').set('Idempotency-Key', 'k').send(sent)).status, 404);
  const price = () => supertest(app).put('/api/v1/operator/products/p1/price').send({ amount: 1 });
  assert.equal((await price()).status, 401);
  assert.equal((await price().set(issuer.ada)).status, 403);
  assert.deepEqual(reviews.requests, []);
});

test('what the service refuses is told with its own status', async (t) => {
  const conflict = 'urn:portico:problem:conflict';
  for (const [status, told, type, code] of [
    [401, 401],
    [403, 403],
    [404, 404],
    [409, 400],
    [422, 422, conflict, 'IDEMPOTENCY_CONFLICT'],
    [400, 502],
    [503, 503],
  ] as const) {
    const { reviews, add } = await open(t, status, { detail: 'said by the service', type });
    const answer = await add().set('Idempotency-Key', 'k').send(sent);
    assert.deepEqual([answer.status, answer.body.code], [told, code]);
    assert.equal(reviews.requests.length, 1);
  }
});
