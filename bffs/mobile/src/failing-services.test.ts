import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { DeadlineExceeded } from '@portico/runtime/request-context.ts';
import {
  end,
  httpAnswer,
  reset,
  type Script,
  startScriptedServer,
} from '@portico/testing/scripted-server.ts';
import { type ShopService, type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import supertest from 'supertest';
import { createTestBff } from './mobile-bff.fixture.ts';

const json = { 'Content-Type': 'application/json' };
const jsonHead = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n';

/** What a service may do instead of answering, and the status that a phone gets if it is the catalog. */
const misdeeds: Record<string, { script: Script; status: number }> = {
  'breaks the connection': { script: () => [reset], status: 503 },
  'closes the connection': { script: () => [end], status: 503 },
  'answers 500': { script: () => [httpAnswer(500, '{}', json)], status: 503 },
  'never answers': { script: () => [], status: 504 },
  'hangs after its headers': { script: () => [jsonHead], status: 504 },
  'hangs within its body': { script: () => [`${jsonHead}{"items":[`], status: 504 },
  'sends half a body': { script: () => [`${jsonHead}{"items":[`, end], status: 503 },
  'sends invalid JSON': { script: () => [httpAnswer(200, '{"items":[}', json)], status: 502 },
  'sends JSON of another shape': { script: () => [httpAnswer(200, '{"items":[{}]}', json)], status: 502 },
  'sends JSON that is null': { script: () => [httpAnswer(200, 'null', json)], status: 502 },
  'sends HTML': {
    script: () => [httpAnswer(200, '<h1>stack trace</h1>', { 'Content-Type': 'text/html' })],
    status: 502,
  },
  'sends 100 MB': { script: () => hugeAnswer(), status: 502 },
  'sends no HTTP': { script: () => ['SSH-2.0-OpenSSH_9.6\r\n'], status: 502 },
  'redirects elsewhere': {
    script: () => [httpAnswer(302, '', { Location: 'http://127.0.0.1/' })],
    status: 502,
  },
  'refuses what it has to answer': {
    script: () => [httpAnswer(418, '{"detail":"secret"}', json)],
    status: 502,
  },
};

function* hugeAnswer() {
  yield 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n';
  const megabyte = Buffer.alloc(1_000_000, ' ');
  for (let sent = 0; sent < 100; sent += 1) yield megabyte;
}

const screens = ['/api/v1/home', '/api/v1/products', '/api/v1/products/p1'];

describe('When a service fails', () => {
  let shop: ShopServices;
  before(async () => {
    shop = await startShopServices();
  });
  after(() => shop.close());

  /** The BFF with one service that misbehaves. */
  const withService = async (
    service: ShopService,
    script: Script,
    use: (get: (path: string) => supertest.Test, bff: ReturnType<typeof createTestBff>) => Promise<void>,
  ) => {
    const server = await startScriptedServer(script);
    const bff = createTestBff({ ...shop.urls, [service]: server.url });
    try {
      await use((path) => supertest(bff.app).get(path), bff);
    } finally {
      await bff.close();
      await server.close();
    }
  };

  for (const [deed, { script, status }] of Object.entries(misdeeds)) {
    describe(`that ${deed}`, () => {
      it('and is reviews, the screens come without ratings and reviews, and say so', () =>
        withService('reviews', script, async (get) => {
          const [home, list, product] = await Promise.all(screens.map(get));
          for (const answer of [home, list, product]) {
            assert.equal(answer?.status, 200);
            assert.deepEqual(answer?.body.degraded, ['reviews']);
            assert.equal(answer?.headers['cache-control'], 'no-store');
            assert.match(String(answer?.headers.etag), /^W\//);
          }
          assert.equal(home?.body.featured[0].rating, null);
          assert.equal(list?.body.items[0].rating, null);
          assert.equal(list?.body.items[0].inStock, true);
          assert.deepEqual([product?.body.rating, product?.body.reviews], [null, null]);
          assert.deepEqual(product?.body.availability, { inStock: true, quantity: 1 });
        }));

      it(`and is catalog, there is no screen but a problem with ${status}`, () =>
        withService('catalog', script, async (get) => {
          for (const answer of await Promise.all(screens.map(get))) {
            assert.equal(answer.status, status, answer.text);
            assert.equal(answer.headers['content-type'], 'application/problem+json');
            assert.equal(answer.headers['retry-after'], status === 503 ? '1' : undefined);
            assert.doesNotMatch(answer.text, /127\.0\.0\.1|stack|secret|ECONN|undici|\.ts|node:/i);
          }
        }));
    });
  }

  describe('that is down', () => {
    const down = 'http://127.0.0.1:1';
    let bff: ReturnType<typeof createTestBff>;
    afterEach(() => bff.close());

    it('and is inventory, nobody knows what is in stock', async () => {
      bff = createTestBff({ ...shop.urls, inventory: down });
      const list = await supertest(bff.app).get('/api/v1/products');
      assert.deepEqual([list.body.degraded, list.body.items[0].inStock], [['inventory'], null]);
      assert.equal(list.body.items[0].rating.count, 25);
      const product = await supertest(bff.app).get('/api/v1/products/p1');
      assert.deepEqual([product.body.degraded, product.body.availability], [['inventory'], null]);
    });

    it('and is customers, reviews have no names', async () => {
      bff = createTestBff({ ...shop.urls, customers: down });
      const { body } = await supertest(bff.app).get('/api/v1/products/p1');
      assert.deepEqual(body.degraded, ['customers']);
      assert.equal(body.reviews.length, 3);
      for (const review of body.reviews) assert.equal(review.author, null);
      const list = await supertest(bff.app).get('/api/v1/products');
      assert.equal('degraded' in list.body, false);
    });

    it('and is everything but catalog, products still come', async () => {
      bff = createTestBff({ catalog: shop.urls.catalog, inventory: down, reviews: down, customers: down });
      for (const path of screens) {
        const { status, body } = await supertest(bff.app).get(path);
        assert.equal(status, 200);
        assert.deepEqual(body.degraded, ['inventory', 'reviews']);
      }
    });

    it('and nothing of it was asked for, the answer is whole', async () => {
      bff = createTestBff({ catalog: shop.urls.catalog, inventory: down, reviews: down, customers: down });
      const { body } = await supertest(bff.app).get('/api/v1/products?fields=name');
      assert.equal('degraded' in body, false);
    });
  });

  describe('for a while', () => {
    let bff: ReturnType<typeof createTestBff>;
    beforeEach(() => {
      bff = createTestBff(shop.urls);
    });
    afterEach(() => bff.close());

    it('its part is back as soon as it is, as failures are not kept', async () => {
      shop.setFault('reviews', 'fail');
      const degraded = await supertest(bff.app).get('/api/v1/products');
      assert.deepEqual(degraded.body.degraded, ['reviews']);
      shop.setFault('reviews', undefined);
      const whole = await supertest(bff.app).get('/api/v1/products');
      assert.equal(whole.body.items[0].rating.count, 25);
      assert.notEqual(whole.headers.etag, degraded.headers.etag);
    });

    it('a screen with less than a second left comes in its time', async () => {
      shop.setFault('catalog', 'hang');
      const { status, body } = await supertest(bff.app).get('/api/v1/home').set('Portico-Timeout-Ms', '50');
      shop.setFault('catalog', undefined);
      assert.deepEqual([status, body.type], [504, 'urn:portico:problem:timeout']);
    });
  });

  it('or what others have begun to read ends by its own time, it is a 504, and no fault of ours', async () => {
    const late = new DeadlineExceeded('The time of this read is over.');
    const answers = {
      give: () => Promise.reject(late),
      read: async () => ({ error: late, source: 'joined' as const }),
    };
    const bff = createTestBff(shop.urls, { overrides: { answers } });
    const { status, body } = await supertest(bff.app).get('/api/v1/products');
    const batch = await supertest(bff.app)
      .post('/api/v1/batch')
      .send({ requests: [{ url: '/api/v1/products' }] });
    await bff.close();
    assert.deepEqual([status, body.type], [504, 'urn:portico:problem:timeout']);
    assert.deepEqual(batch.body.responses[0].body.type, 'urn:portico:problem:timeout');
  });
});
