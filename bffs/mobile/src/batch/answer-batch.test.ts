import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { type OrdersShop, startOrdersShop } from '@portico/testing/orders-shop.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import supertest from 'supertest';
import { createTestBff } from '../mobile-bff.fixture.ts';

interface BatchedAnswer {
  readonly id?: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
}

describe('A batch', () => {
  let shop: ShopServices;
  let issuer: TokenIssuer;
  let orders: OrdersShop;
  let bff: ReturnType<typeof createTestBff>;
  before(async () => {
    [shop, issuer] = await Promise.all([startShopServices(), startTokenIssuer()]);
    orders = await startOrdersShop(issuer);
  });
  after(() => Promise.all([shop.close(), orders.close(), issuer.close()]));
  beforeEach(() => {
    const urls = { ...shop.urls, orders: orders.url };
    bff = createTestBff(urls, { verifyToken: issuer.verify, callTimeoutMs: 20_000 });
    shop.takeCalls();
  });
  afterEach(() => bff.close());

  const send = (body: object, fields: Readonly<Record<string, string>> = {}) =>
    supertest(bff.app).post('/api/v1/batch').set(fields).send(body);
  const answersTo = async (urls: readonly string[], fields = {}): Promise<BatchedAnswer[]> => {
    const answer = await send({ requests: urls.map((url) => ({ url })) }, fields);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['cache-control'], 'private, no-store');
    return answer.body.responses;
  };

  it('answers each GET as it is answered by itself, in the order of the requests', async () => {
    const urls = [
      '/api/v1/products/p1',
      '/api/v1/home',
      '/api/v1/products?limit=2&fields=name,price',
      '/api/v1/products/p2',
    ];
    const answers = await answersTo(urls);
    for (const [at, url] of urls.entries()) {
      const alone = await supertest(bff.app).get(url);
      assert.deepEqual(answers[at]?.body, alone.body, url);
      assert.equal(answers[at]?.status, 200);
      assert.deepEqual(answers[at]?.headers, {
        'Content-Type': alone.headers['content-type'],
        'Cache-Control': alone.headers['cache-control'],
        ETag: alone.headers.etag,
      });
    }
  });

  it('costs no more calls than its GETs, and says in one place how many', async () => {
    const answer = await send({ requests: [{ url: '/api/v1/products/p1' }, { url: '/api/v1/products/p1' }] });
    assert.equal(shop.takeCalls().length, 5);
    assert.match(String(answer.headers['server-timing']), /calls=5/);
    assert.deepEqual(answer.body.responses[0], answer.body.responses[1]);
  });

  it('gives ids back, and 304 where the app has the answer', async () => {
    const url = '/api/v1/products/p1';
    const { headers } = await supertest(bff.app).get(url);
    const tag = String(headers.etag);
    const { body } = await send({
      requests: [
        { id: 'same', method: 'GET', url, headers: { 'If-None-Match': tag } },
        { id: 'other', url, headers: { 'If-None-Match': 'W/"another"' } },
      ],
    });
    const [same, other] = body.responses;
    assert.deepEqual(same, {
      id: 'same',
      status: 304,
      headers: { 'Cache-Control': headers['cache-control'], ETag: tag },
    });
    assert.deepEqual([other.id, other.status], ['other', 200]);
  });

  it('fails one by one, as each would by itself', async () => {
    const urls = [
      '/api/v1/products/p999',
      '/api/v1/products?limit=0',
      '/api/v1/nothing',
      '/api/v1/products/p1/reviews',
      '/api/v1/me',
      '/api/v1/products/%E0%A4%A',
      '/api/v1/orders/o1/events',
      '/api/v1/batch',
      '/api/v1/sync',
      '/api/v1/products/p1',
    ];
    const answers = await answersTo(urls);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [404, 400, 404, 404, 401, 400, 404, 404, 501, 200],
    );
    for (const { status, headers, body } of answers.slice(0, -1)) {
      assert.equal(headers['Content-Type'], 'application/problem+json');
      assert.equal(headers['Cache-Control'], 'no-store');
      assert.equal(body?.status, status);
      assert.match(String(body?.type), /^urn:portico:problem:/);
    }
    assert.equal(answers[4]?.headers['WWW-Authenticate'], 'Bearer');
  });

  it('is of one user', async () => {
    await orders.append('o1', 'order-placed', {
      lines: [{ productId: 'p2', quantity: 2, unitPrice: { amount: 200, currency: 'EUR' } }],
      total: { amount: 400, currency: 'EUR' },
    });
    const urls = ['/api/v1/me', '/api/v1/orders/o1', '/api/v1/products/p1'];
    const [me, order, product] = await answersTo(urls, issuer.ada);
    assert.deepEqual([me?.body?.id, order?.body?.number], ['c1', 'o1']);
    assert.equal(product?.headers['Cache-Control'], 'private, no-store');
    const [, ofAnother] = await answersTo(urls, issuer.grace);
    assert.equal(ofAnother?.status, 404);
    const invalid = await send(
      { requests: [{ url: '/api/v1/home' }] },
      { authorization: 'Bearer no.such.token' },
    );
    assert.equal(invalid.status, 401);
  });

  it('says of a service that fails what it fails', async () => {
    shop.setFault('catalog', 'fail');
    shop.setFault('reviews', 'fail');
    const [page] = await answersTo(['/api/v1/products/p1']);
    assert.deepEqual([page?.status, page?.headers['Retry-After']], [503, '1']);
    shop.setFault('catalog', undefined);
    const [degraded] = await answersTo(['/api/v1/products/p1']);
    assert.deepEqual(degraded?.body?.degraded, ['reviews']);
    shop.setFault('reviews', undefined);
  });

  it('has 1 to 20 requests, all GETs of this API', async () => {
    const url = '/api/v1/products?limit=1&fields=id';
    const requests = (count: number) => ({ requests: Array.from({ length: count }, () => ({ url })) });
    assert.equal((await send(requests(20))).body.responses.length, 20);
    for (const wrong of [
      requests(21),
      requests(0),
      {},
      { requests: [{ url, method: 'PUT' }] },
      { requests: [{ url: 'http://127.0.0.1/api/v1/home' }] },
      { requests: [{ url: '/graphql' }] },
      { requests: [{ url: '/api/v1/home#top' }] },
      { requests: [{ url: '/api/v1/home', headers: { Authorization: 'Bearer x' } }] },
    ]) {
      const answer = await send(wrong);
      assert.equal(answer.status, 400, JSON.stringify(wrong));
      assert.equal(answer.headers['content-type'], 'application/problem+json');
    }
    assert.equal((await supertest(bff.app).get('/api/v1/batch')).status, 405);
  });
});
