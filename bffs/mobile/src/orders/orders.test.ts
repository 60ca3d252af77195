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

const sent = { lines: [{ productId: 'p2', quantity: 2 }], paymentToken: 'tok_ok' };
const post = (path: string, body?: object, key = 'key-1', user: { authorization?: string } = issuer.ada) =>
  supertest(bff.app)
    .post(`/api/v1${path}`)
    .set({ ...user, ...(key && { 'Idempotency-Key': key }) })
    .send(body);

test('an order is taken with 202, and its Location shows it', async () => {
  const { status, headers, body } = await post('/orders', sent);
  assert.deepEqual(
    [status, headers.location, body.number, body.status],
    [202, '/api/v1/orders/o1', 'o1', 'PENDING'],
  );
  assert.equal(headers['cache-control'], 'private, no-store');
  const token = String(headers['portico-consistency']);
  const shown = await get('/orders/o1').set('Portico-Consistency', token);
  assert.deepEqual([shown.body.total.amount, shown.body.timeline.length], [400, 1]);
  assert.deepEqual((await post('/orders', sent)).body, body);
  const other = await post('/orders', { ...sent, paymentToken: 'tok_slow' });
  assert.deepEqual([other.status, other.body.code], [422, 'IDEMPOTENCY_CONFLICT']);
});

test('the same key is the same order also when the catalogue is away', async (t) => {
  const order = { ...sent, lines: [{ productId: 'p44', quantity: 1 }] };
  const headers = { ...issuer.ada, 'Idempotency-Key': 'key-1' };
  await supertest(orders.url).post('/orders').set(headers).send(order).expect(202);
  shop.setFault('catalog', 'fail');
  t.after(() => shop.setFault('catalog', undefined));
  const { status, body } = await post('/orders', order);
  assert.deepEqual([status, body.number], [202, 'o1']);
});

test('an order that can not be one is refused', async () => {
  const lines = (...all: object[]) => ({ ...sent, lines: all });
  const line = (quantity: unknown, productId = 'p2') => lines({ productId, quantity });
  const many = Array.from({ length: 1_000 }, (_, at) => ({ productId: `p${at + 1}`, quantity: 1 }));
  const bodies = [
    {},
    lines(),
    lines(...many),
    line(1, 'p9999'),
    line(1, '../p1'),
    lines({ productId: 'p2', quantity: 1 }, { productId: 'p2', quantity: 2 }),
    ...[0, -1, 1.5, 1e9, '2', null].map((quantity) => line(quantity)),
    { ...sent, paymentToken: '' },
    { ...sent, total: 1 },
  ];
  for (const body of bodies) {
    const { status, body: problem } = await post('/orders', body);
    assert.deepEqual(
      [status, problem.type],
      [400, 'urn:portico:problem:invalid-request'],
      JSON.stringify(body).slice(0, 80),
    );
  }
  assert.equal((await post('/orders', sent, '')).status, 400);
  assert.equal((await post('/orders', sent, 'k', {})).status, 401);
  assert.equal((await post('/orders', sent, 'k', issuer.root)).status, 403);
  assert.equal(orders.orderOf('o1'), undefined);
});

test('an order is cancelled by its customer, and not when it is shipped', async () => {
  await post('/orders', sent);
  const { status, body } = await post('/orders/o1/cancel');
  assert.deepEqual([status, body.timeline.at(-1).type], [202, 'cancellation-requested']);
  assert.equal((await post('/orders/o1/cancel', undefined, '', issuer.grace)).status, 404);
  assert.equal((await post('/orders/o9/cancel')).status, 404);
  await orders.append('o1', 'order-shipped');
  const late = await post('/orders/o1/cancel');
  assert.deepEqual(
    [late.status, late.body.code, late.body.detail],
    [422, undefined, 'The order is shipped.'],
  );
});
