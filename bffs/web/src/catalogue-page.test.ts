import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { findRedis, startRedis } from '@portico/testing/engines.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { createTestWeb } from './web-bff.fixture.ts';

const page = `{ products(first: 20) { edges { node {
  sku name price { amount } availability { inStock } rating { average }
  reviews(first: 2) { edges { node { body author { displayName } } } }
} } } }`;

let shop: ShopServices;
before(async () => {
  shop = await startShopServices();
});
after(() => shop.close());
beforeEach(() => {
  shop.takeCalls();
});

test('a page of 20 products with stock, rating and reviews with their authors costs five calls', async (t) => {
  const web = createTestWeb(shop);
  t.after(web.close);

  const answer = await web.query(page);

  assert.deepEqual(
    shop.takeCalls().map(({ target }) => target.replace(/=.*/, '')),
    ['/products?limit', '/stock?ids', '/ratings?ids', '/product-reviews?first', '/customers?ids'],
  );
  assert.match(String(answer.headers['server-timing']), /^downstream;desc="calls=5";dur=/);
  assert.match(String(answer.headers['cache-status']), /^portico-web; fwd=miss/);
  assert.equal(answer.body.errors, undefined);
  const nodes = answer.body.data.products.edges.map((edge: { node: object }) => edge.node);
  assert.equal(nodes.length, 20);
  assert.deepEqual(nodes[3], {
    sku: 'p4',
    name: 'Product 4',
    price: { amount: 400 },
    availability: { inStock: true },
    rating: { average: 3.33 },
    reviews: {
      edges: [
        { node: { body: 'Review 31 of p4.', author: { displayName: 'Customer 1' } } },
        // Their author is gone.
        { node: { body: 'Review 30 of p4.', author: null } },
      ],
    },
  });
  assert.deepEqual(nodes[1].availability, { inStock: false });
  assert.deepEqual(nodes[1].reviews, { edges: [] });
  assert.equal(nodes[2].availability, null, 'the warehouse does not know it, which is no error');
});

test('the same page costs no call while what was read is fresh, and five again after that', async (t) => {
  let now = Date.now();
  const web = createTestWeb({ ...shop, cacheTtlMs: 1_000, now: () => now });
  t.after(web.close);
  const first = await web.query(page);
  shop.takeCalls();

  now += 999;
  const again = await web.query(page);
  assert.deepEqual(again.body, first.body);
  assert.deepEqual(shop.takeCalls(), []);
  assert.match(String(again.headers['server-timing']), /calls=0/);
  const byTime = 'ttl=0; detail="by-time=catalog+customers+inventory+reviews"';
  assert.equal(again.headers['cache-status'], `portico-web; hit; ${byTime}`);

  now += 1;
  await web.query(page);
  assert.equal(shop.takeCalls().length, 5);
});

test('a second instance makes no call for a page that the first has just made, when they share a Redis', {
  skip: findRedis() === undefined && 'neither redis-server nor valkey-server is on PATH',
}, async (t) => {
  const redis = await startRedis();
  t.after(redis.stop);
  let now = Date.now();
  const shared = { ...shop, redisUrl: redis.url, now: () => now };
  const first = createTestWeb(shared);
  const second = createTestWeb(shared);
  t.after(() => Promise.all([first.close(), second.close()]));

  // Both connect in the background, and do without Redis until then. Whatever one of them has read by itself is too
  // old in the next round, so the second can only have a fresh page from the first.
  for (let round = 1; ; round += 1) {
    now += 60_000;
    await first.query(page);
    shop.takeCalls();
    const { body, headers } = await second.query(page);
    const calls = shop.takeCalls().length;
    if (calls > 0 && round < 300) continue;
    assert.equal(calls, 0);
    assert.match(String(headers['cache-status']), /^portico-web; hit; ttl=/);
    assert.equal(body.data.products.edges.length, 20);
    return;
  }
});

test('what is asked for twice in an operation is read once', async (t) => {
  const web = createTestWeb(shop);
  t.after(web.close);

  const { body } = await web.query(`{
    products(first: 3) { edges { node { sku } } }
    again: product(sku: "p2") { name }
    node(id: "${Buffer.from('Product:p2').toString('base64url')}") { ... on Product { name } }
  }`);

  assert.deepEqual(body.data.again, { name: 'Product 2' });
  assert.deepEqual(body.data.node, { name: 'Product 2' });
  const targets = shop.takeCalls().map(({ target }) => target);
  assert.equal(targets.filter((target) => target.includes('ids=')).length, 1);
});
