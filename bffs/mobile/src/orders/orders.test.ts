import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { createConsistency } from '@portico/coherent-cache/request-consistency.ts';
import { type OrdersShop, startOrdersShop } from '@portico/testing/orders-shop.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import supertest from 'supertest';
import { createTestBff } from '../mobile-bff.fixture.ts';

let shop: ShopServices;
let issuer: TokenIssuer;
let orders: OrdersShop;
let bff: ReturnType<typeof createTestBff>;
before(async () => {
  shop = await startShopServices();
  issuer = await startTokenIssuer();
});
after(() => Promise.all([shop.close(), issuer.close()]));
beforeEach(async () => {
  orders = await startOrdersShop(issuer);
  const known = await orders.follow();
  bff = createTestBff(
    { ...shop.urls, orders: orders.url },
    {
      ...known,
      verifyToken: issuer.verify,
      callTimeoutMs: 20_000,
      consistency: createConsistency({ key: 'k'.repeat(32), node: known.node }),
    },
  );
});
afterEach(async () => {
  await bff.close();
  await orders.close();
});

const placed = {
  lines: [{ productId: 'p2', quantity: 2, unitPrice: { amount: 200, currency: 'EUR' } }],
  total: { amount: 400, currency: 'EUR' },
};
const get = (path: string, user: { authorization?: string } = issuer.ada) =>
  supertest(bff.app).get(`/api/v1${path}`).set(user);

test('an order is told from its events, without a call, and is unchanged until the next one', async () => {
  await orders.append('o7', 'order-placed', placed);
  await orders.append('o7', 'order-rejected', { reason: 'out_of_stock' });
  const { body, headers } = await get('/orders/o7');
  const [{ at }] = body.timeline;
  assert.deepEqual(body, {
    number: 'o7',
    status: 'REJECTED',
    reason: 'out_of_stock',
    ...placed,
    timeline: [
      { type: 'order-placed', at },
      { type: 'order-rejected', at: body.timeline[1].at },
    ],
    placedAt: at,
  });
  assert.equal(headers['cache-control'], 'private, no-store');
  const again = await get('/orders/o7').set('If-None-Match', String(headers.etag));
  assert.equal(again.status, 304);
  assert.deepEqual(orders.takeCalls(), []);
});

test('an order of another customer, one that is not there and what is no number are a 404', async () => {
  await orders.append('o1', 'order-placed', placed, 'c2');
  for (const path of ['/orders/o1', '/orders/o99', '/orders/1', '/orders/o01']) {
    const { status, body } = await get(path);
    assert.deepEqual([status, body.type], [404, 'urn:portico:problem:not-found'], path);
  }
  assert.equal((await get('/orders/o1', issuer.grace)).status, 200);
  for (const path of ['/orders/o1', '/me/orders']) {
    assert.equal((await get(path, {})).status, 401);
    assert.equal((await get(path, issuer.root)).status, 403);
  }
});

test("a customer's orders come newest first, page by page", async () => {
  for (let n = 1; n <= 5; n += 1) await orders.append(`o${n}`, 'order-placed', placed, n === 4 ? 'c2' : 'c1');
  const numbers = ({ items }: { items: { number: string }[] }) => items.map(({ number }) => number);
  const { body: first } = await get('/me/orders?limit=3');
  assert.deepEqual(numbers(first), ['o5', 'o3', 'o2']);
  const { body: rest } = await get(`/me/orders?limit=3&cursor=${first.next}`);
  assert.deepEqual([numbers(rest), rest.next], [['o1'], null]);
  for (const query of ['limit=0', 'limit=51', 'cursor=o1', 'cursor=']) {
    assert.equal((await get(`/me/orders?${query}`)).status, 400, query);
  }
});
