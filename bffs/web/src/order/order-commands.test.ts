import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { createConsistency } from '@portico/coherent-cache/request-consistency.ts';
import { type OrdersShop, startOrdersShop } from '@portico/testing/orders-shop.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import { createTestWeb, type TestWeb } from '../web-bff.fixture.ts';

let shop: ShopServices;
let issuer: TokenIssuer;
let orders: OrdersShop;
let web: TestWeb;
before(async () => {
  shop = await startShopServices();
  issuer = await startTokenIssuer();
});
after(() => Promise.all([shop.close(), issuer.close()]));
beforeEach(async () => {
  orders = await startOrdersShop(issuer);
  const known = await orders.follow(undefined, { waitMs: 0 });
  const consistency = createConsistency({ key: 'k'.repeat(32), node: known.node });
  const urls = { ...shop.urls, orders: orders.url };
  web = createTestWeb({ urls, verifyToken: issuer.verify, consistency, ...consistency.reading, ...known });
});
afterEach(async () => {
  await web.close();
  await orders.close();
});

const mutation = `mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { order {
  number status total { amount } lines { quantity product { sku } } timeline { type } } } }`;
const input = (changes: object = {}) => ({
  idempotencyKey: 'key-1',
  lines: [
    { sku: 'p2', quantity: 2 },
    { sku: 'p5', quantity: 1 },
  ],
  paymentToken: 'tok_ok',
  ...changes,
});
const place = (changes?: object, user: { authorization?: string } = issuer.ada) =>
  web.query(mutation, { input: input(changes) }).set(user);
const codeOf = (body: { errors?: { extensions: { code: string } }[] }) => body.errors?.[0]?.extensions.code;

test('an order that was placed comes back, and is in the next answers though nobody has heard of it', async () => {
  const total = { amount: 100, currency: 'EUR' };
  const lines = [{ productId: 'p1', quantity: 1, unitPrice: total }];
  await orders.append('o1', 'order-placed', { lines, total }, 'c2');
  orders.hold();
  const { body, headers } = await place();
  assert.deepEqual(body, {
    data: {
      placeOrder: {
        order: {
          number: 'o2',
          status: 'PENDING',
          total: { amount: 900 },
          lines: [
            { quantity: 2, product: { sku: 'p2' } },
            { quantity: 1, product: { sku: 'p5' } },
          ],
          timeline: [{ type: 'order-placed' }],
        },
      },
    },
  });
  const query = '{ order(number: "o2") { status } me { orders { edges { node { number } } } } }';
  const without = await web.query(query).set(issuer.ada);
  assert.deepEqual(without.body.data, { order: null, me: { orders: { edges: [] } } });
  const token = String(headers['portico-consistency']);
  const seen = { order: { status: 'PENDING' }, me: { orders: { edges: [{ node: { number: 'o2' } }] } } };
  const withToken = await web.query(query).set({ ...issuer.ada, 'Portico-Consistency': token });
  assert.deepEqual(withToken.body.data, seen);
  await orders.release();
  while ((await web.query(query).set(issuer.ada)).body.data.order === null);
  orders.takeCalls();
  const known = await web.query(query).set({ ...issuer.ada, 'Portico-Consistency': token });
  assert.deepEqual([known.body.data, orders.takeCalls()], [seen, []]);
});

test('the same key is the same order, and another order with it is refused', async () => {
  const answers = await Promise.all([place(), place(), place()]);
  for (const { body } of answers) assert.equal(body.data.placeOrder.order.number, 'o1');
  const { body } = await place({ paymentToken: 'tok_declined' });
  assert.equal(codeOf(body), 'IDEMPOTENCY_CONFLICT');
  assert.equal((await place({}, issuer.grace)).body.data.placeOrder.order.number, 'o2');
});

test('the same key is the same order also when its product is gone', async (t) => {
  const body = { lines: [{ productId: 'p45', quantity: 1 }], paymentToken: 'tok_ok' };
  const headers = { ...issuer.ada, 'Content-Type': 'application/json', 'Idempotency-Key': 'key-1' };
  await fetch(`${orders.url}/orders`, { method: 'POST', headers, body: JSON.stringify(body) });
  const gone = (shop.data.products as unknown[]).pop();
  t.after(() => (shop.data.products as unknown[]).push(gone));
  const { placeOrder } = (await place({ lines: [{ sku: 'p45', quantity: 1 }] })).body.data;
  assert.deepEqual(
    [placeOrder.order.number, placeOrder.order.lines],
    ['o1', [{ quantity: 1, product: null }]],
  );
});

test('an order that can not be one is refused', async () => {
  const line = (quantity: unknown, sku = 'p2') => ({ lines: [{ sku, quantity }] });
  const many = Array.from({ length: 1_000 }, (_, at) => ({ sku: `p${at + 1}`, quantity: 1 }));
  const cases: [object, string][] = [
    [{ lines: [] }, 'BAD_USER_INPUT'],
    [{ lines: many }, 'BAD_USER_INPUT'],
    [line(1, 'p9999'), 'NOT_FOUND'],
    [line(1, '../p1'), 'NOT_FOUND'],
    [{ lines: [...line(1).lines, ...line(2).lines] }, 'BAD_USER_INPUT'],
    ...[0, -1, 1.5, 1e9, 1e300, '2', null, [1]].map((quantity): [object, string] => [
      line(quantity),
      'BAD_USER_INPUT',
    ]),
    [{ idempotencyKey: '' }, 'BAD_USER_INPUT'],
    [{ idempotencyKey: 'x'.repeat(129) }, 'BAD_USER_INPUT'],
    [{ paymentToken: 'ä' }, 'BAD_USER_INPUT'],
  ];
  for (const [changes, code] of cases) {
    const { body } = await place(changes);
    assert.equal(codeOf(body), code, JSON.stringify(changes).slice(0, 80));
    assert.doesNotMatch(body.errors[0].message, /productId|Idempotency-Key/, 'in the words of this API');
  }
  assert.equal(codeOf((await place({}, {})).body), 'UNAUTHENTICATED');
  assert.equal(codeOf((await place({}, issuer.root)).body), 'FORBIDDEN');
  assert.equal(orders.orderOf('o1'), undefined);
});

test('an order is cancelled by its customer, and not when it is shipped', async () => {
  await place();
  const cancel = (number: string, user = issuer.ada) =>
    web
      .query('mutation ($number: String!) { cancelOrder(number: $number) { order { timeline { type } } } }', {
        number,
      })
      .set(user);
  const { body, headers } = await cancel('o1');
  const types = body.data.cancelOrder.order.timeline.map(({ type }: { type: string }) => type);
  assert.deepEqual(types, ['order-placed', 'cancellation-requested']);
  assert.ok(headers['portico-consistency']);
  for (const [number, user] of [
    ['o1', issuer.grace],
    ['o9', issuer.ada],
    ['../o1', issuer.ada],
  ] as const)
    assert.equal(codeOf((await cancel(number, user)).body), 'NOT_FOUND');
  await orders.append('o1', 'order-shipped');
  const late = await cancel('o1');
  assert.deepEqual([codeOf(late.body), late.body.errors[0].message], ['CONFLICT', 'The order is shipped.']);
});
