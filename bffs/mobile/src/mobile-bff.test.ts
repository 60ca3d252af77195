import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get as httpGet } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { findRedis, startRedis } from '@portico/testing/engines.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import supertest from 'supertest';
import { createTestBff } from './mobile-bff.fixture.ts';

describe('The phone API', () => {
  let shop: ShopServices;
  let clock = 0;
  let bff: ReturnType<typeof createTestBff>;
  before(async () => {
    shop = await startShopServices();
  });
  after(() => shop.close());
  beforeEach(() => {
    clock = Date.now();
    bff = createTestBff(shop.urls, { now: () => clock });
    shop.takeCalls();
  });
  afterEach(() => bff.close());

  const get = (path: string) => supertest(bff.app).get(path);
  const calledServices = () => shop.takeCalls().map(({ service }) => service);

  describe('/home', () => {
    it('has two shelves and all categories', async () => {
      const { status, body } = await get('/api/v1/home');
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(body), ['featured', 'newest', 'categories']);
      assert.deepEqual(idsOf(body.featured), ['p1', 'p2', 'p3', 'p4', 'p5', 'p6']);
      assert.deepEqual(idsOf(body.newest), ['p45', 'p44', 'p43', 'p42', 'p41', 'p40']);
      assert.deepEqual(body.categories, shop.data.categories);
    });

    it('takes five calls, says so, and takes none again within the second', async () => {
      const first = await get('/api/v1/home');
      assert.deepEqual(calledServices().sort(), ['catalog', 'catalog', 'catalog', 'inventory', 'reviews']);
      assert.match(String(first.headers['server-timing']), /^downstream;desc="calls=5";dur=\d+\.\d$/);
      assert.match(String(first.headers['cache-status']), /^portico-mobile; fwd=miss/);

      const second = await get('/api/v1/home');
      assert.deepEqual(calledServices(), []);
      assert.match(String(second.headers['server-timing']), /desc="calls=0"/);
      const byTime = 'ttl=1; detail="by-time=catalog+inventory+reviews"';
      assert.equal(second.headers['cache-status'], `portico-mobile; hit; ${byTime}`);
      assert.deepEqual(second.body, first.body);

      clock += 1_000;
      await get('/api/v1/home');
      assert.equal(calledServices().length, 5);
    });
  });

  describe('/products', () => {
    it('has cards with these members, twenty if nobody says how many', async () => {
      const { body } = await get('/api/v1/products');
      assert.deepEqual(Object.keys(body), ['items', 'next']);
      assert.equal(body.items.length, 20);
      assert.equal(typeof body.next, 'string');
      assert.deepEqual(body.items[3], {
        id: 'p4',
        name: 'Product 4',
        price: { amount: 400, currency: 'EUR' },
        imageUrl: '/images/coffee/p4.svg',
        inStock: true,
        rating: { average: body.items[3].rating.average, count: 3 },
      });
      assert.deepEqual([body.items[1].inStock, body.items[1].rating], [false, { average: 0, count: 0 }]);
    });

    it('takes three calls for a page of a hundred', async () => {
      await get('/api/v1/products?limit=100');
      assert.deepEqual(calledServices().sort(), ['catalog', 'inventory', 'reviews']);
    });

    it('leads from page to page by its cursors, through all products once', async () => {
      const seen: string[] = [];
      let next: string | null = '';
      while (next !== null) {
        const cursor: string = next === '' ? '' : `&cursor=${next}`;
        const { body } = await get(`/api/v1/products?limit=20&fields=id${cursor}`);
        seen.push(...idsOf(body.items));
        next = body.next;
      }
      assert.deepEqual(seen, idsOf(shop.data.products));
    });

    it('keeps to a category and an order', async () => {
      const { body } = await get('/api/v1/products?category=garden&sort=price_desc&limit=2');
      assert.deepEqual(idsOf(body.items), ['p45', 'p42']);
      const cheapest = await get('/api/v1/products?sort=price_asc&limit=1');
      assert.deepEqual(idsOf(cheapest.body.items), ['p1']);
      const newest = await get('/api/v1/products?sort=newest&limit=1');
      assert.deepEqual(idsOf(newest.body.items), ['p45']);
    });

    it('finds words, in a category and in any order', async () => {
      const found = async (query: string) => idsOf((await get(`/api/v1/products?${query}`)).body.items);
      assert.deepEqual(await found('q=17'), ['p17']);
      assert.deepEqual(await found('q=17&category=coffee'), []);
      assert.deepEqual(await found('q=product&sort=price_desc&limit=2'), ['p45', 'p44']);
    });

    it('has the best rated products first', async () => {
      const { body } = await get('/api/v1/products?sort=rating&limit=100');
      const averages = body.items.map(({ rating }: { rating: { average: number } }) => rating.average);
      assert.deepEqual(
        averages,
        averages.toSorted((a: number, b: number) => b - a),
      );
    });

    it('has only the members that were picked, and calls no service for the others', async () => {
      const plain = await get('/api/v1/products?limit=1&fields=name,price');
      assert.deepEqual(plain.body.items, [
        { id: 'p1', name: 'Product 1', price: { amount: 100, currency: 'EUR' } },
      ]);
      assert.deepEqual(calledServices(), ['catalog']);

      const stocked = await get('/api/v1/products?limit=2&fields=inStock');
      assert.deepEqual(stocked.body.items, [
        { id: 'p1', inStock: true },
        { id: 'p2', inStock: false },
      ]);
      assert.deepEqual(calledServices(), ['catalog', 'inventory']);

      const rated = await get('/api/v1/products?limit=2&category=coffee&fields=id,rating');
      assert.deepEqual(Object.keys(rated.body.items[0]), ['id', 'rating']);
      assert.deepEqual(calledServices(), ['catalog', 'reviews']);
    });
  });

  describe('/products/{id}', () => {
    it('has the product with stock, rating and the newest reviews by name', async () => {
      const { status, body } = await get('/api/v1/products/p1');
      const { products, reviews } = shop.data;
      const newest = reviews.filter(({ productId }) => productId === 'p1').slice(0, 3);
      assert.equal(status, 200);
      assert.deepEqual(body, {
        id: 'p1',
        name: 'Product 1',
        description: products[0]?.description,
        category: { id: 'coffee', name: 'Coffee' },
        price: { amount: 100, currency: 'EUR' },
        imageUrl: '/images/coffee/p1.svg',
        availability: { inStock: true, quantity: 1 },
        rating: { average: body.rating.average, count: 25 },
        reviews: newest.map(({ id, stars, body, createdAt, customerId }) => ({
          id,
          stars,
          body,
          createdAt,
          author: customerId === 'c6' ? null : { displayName: `Customer ${customerId.slice(1)}` },
        })),
      });
    });

    it('takes at most five calls', async () => {
      await get('/api/v1/products/p1');
      assert.deepEqual(calledServices().sort(), ['catalog', 'customers', 'inventory', 'reviews', 'reviews']);
    });

    it('is complete for a product without stock and for one without reviews', async () => {
      const unstocked = await get('/api/v1/products/p3');
      assert.deepEqual(unstocked.body.availability, { inStock: false, quantity: 0 });
      const unrated = await get('/api/v1/products/p2');
      assert.deepEqual([unrated.body.rating, unrated.body.reviews], [{ average: 0, count: 0 }, []]);
      assert.ok(!('degraded' in unstocked.body) && !('degraded' in unrated.body));
    });
  });

  it('takes no call for a screen that another instance has just made, when they share a Redis', {
    skip: findRedis() === undefined && 'neither redis-server nor valkey-server is on PATH',
  }, async (t) => {
    const redis = await startRedis();
    t.after(redis.stop);
    const shared = { now: () => clock, redisUrl: redis.url };
    const instances = [createTestBff(shop.urls, shared), createTestBff(shop.urls, shared)] as const;
    t.after(() => Promise.all(instances.map((instance) => instance.close())));

    // Both connect in the background and do without Redis until then. What one of them has read by itself is too old in
    // the next round, so that the second can only have a fresh screen from the first.
    for (let round = 1; ; round += 1) {
      clock += 60_000;
      await supertest(instances[0].app).get('/api/v1/products/p1');
      shop.takeCalls();
      const { headers } = await supertest(instances[1].app).get('/api/v1/products/p1');
      const calls = calledServices();
      if (calls.length > 0 && round < 300) continue;
      assert.deepEqual(calls, []);
      assert.match(String(headers['cache-status']), /^portico-mobile; hit; ttl=/);
      return;
    }
  });

  it('passes request and trace ids on, and stops its calls when the client goes away', async () => {
    const server = createServer(bff.app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    shop.setFault('catalog', 'hang');
    const trace = '1'.repeat(32);
    const calling = once(shop.events, 'call');
    const request = httpGet({
      port: (server.address() as AddressInfo).port,
      path: '/api/v1/products',
      headers: { 'X-Request-Id': 'phone-request-1', traceparent: `00-${trace}-${'2'.repeat(16)}-01` },
    });
    request.on('error', () => {});
    const [{ headers }] = await calling;
    assert.equal(headers['x-request-id'], 'phone-request-1');
    assert.match(String(headers.traceparent), new RegExp(`^00-${trace}-`));

    const cancelled = once(shop.events, 'cancelled');
    request.destroy();
    await cancelled;
    assert.match(await bff.metrics.registry.metrics(), /service="catalog",outcome="cancelled"/);
    shop.setFault('catalog', undefined);
    server.close();
  });
});

function idsOf(items: readonly { readonly id: string }[]): string[] {
  return items.map(({ id }) => id);
}
