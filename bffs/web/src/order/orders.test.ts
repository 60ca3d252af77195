import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { createConsistency } from '@portico/coherent-cache/request-consistency.ts';
import { type OrdersShop, startOrdersShop } from '@portico/testing/orders-shop.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import { toGlobalId } from '../relay/global-id.ts';
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
  web = await openWeb();
});
afterEach(async () => {
  await web.close();
  await orders.close();
});

/** The BFF before these services. With `knows`, it knows what changes in orders. */
async function openWeb(knows = true) {
  const known = knows ? await orders.follow() : { node: undefined };
  const consistency = createConsistency({ key: 'k'.repeat(32), node: known.node });
  const urls = { ...shop.urls, orders: orders.url };
  return createTestWeb({
    urls,
    verifyToken: issuer.verify,
    consistency,
    ...consistency.reading,
    ...known,
  });
}

const euros = (amount: number) => ({ amount, currency: 'EUR' });
const line = (id: string, quantity: number, amount: number) => ({
  productId: id,
  quantity,
  unitPrice: euros(amount),
});
const placed = (amount = 400) => ({ lines: [line('p2', 2, amount / 2)], total: euros(amount) });
const codeOf = (body: { errors?: { extensions: { code: string } }[] }) => body.errors?.[0]?.extensions.code;

const wholeOrder = `id number status reason total { amount currency } placedAt
  lines { quantity unitPrice { amount } product { name } } timeline { type at }`;
const order = (number: string) => `{ order(number: "${number}") { ${wholeOrder} } }`;

test('an order is told from its events, and its service is not asked', async () => {
  await orders.append('o7', 'order-placed', placed());
  await orders.append('o7', 'stock-reserved');
  await orders.append('o7', 'order-rejected', { reason: 'payment_declined' });
  const { body } = await web.query(order('o7')).set(issuer.ada);
  const [first] = body.data.order.timeline;
  assert.deepEqual(body, {
    data: {
      order: {
        id: toGlobalId('Order', 'o7'),
        number: 'o7',
        status: 'REJECTED',
        reason: 'payment_declined',
        total: euros(400),
        placedAt: first.at,
        lines: [{ quantity: 2, unitPrice: { amount: 200 }, product: { name: 'Product 2' } }],
        timeline: [
          first,
          { type: 'stock-reserved', at: body.data.order.timeline[1].at },
          { type: 'order-rejected', at: body.data.order.timeline[2].at },
        ],
      },
    },
  });
  const node = await web
    .query('query ($id: ID!) { node(id: $id) { ... on Order { status } } }', {
      id: toGlobalId('Order', 'o7'),
    })
    .set(issuer.ada);
  assert.deepEqual(node.body, { data: { node: { status: 'REJECTED' } } });
  assert.deepEqual(orders.takeCalls(), []);
});

test('an order of another customer, one that is not there and what is no number are null', async () => {
  await orders.append('o1', 'order-placed', placed(), 'c2');
  for (const [number, user] of [
    ['o1', issuer.ada],
    ['o1', issuer.root],
    ['o99', issuer.ada],
    ['../orders', issuer.ada],
    ['', issuer.ada],
  ] as const) {
    const { body } = await web.query(order(number)).set(user);
    assert.deepEqual(body, { data: { order: null } }, number);
  }
  const visitor = await web.query(order('o1'));
  assert.deepEqual([visitor.body.data, codeOf(visitor.body)], [{ order: null }, 'UNAUTHENTICATED']);
  assert.equal((await web.query(order('o1')).set(issuer.grace)).body.data.order.number, 'o1');
});

const myOrders = (args = '') =>
  `{ me { orders${args} { edges { cursor node { number } } pageInfo { hasNextPage hasPreviousPage endCursor } } } }`;
const numbersOf = (body: { data: { me: { orders: { edges: { node: { number: string } }[] } } } }) =>
  body.data.me.orders.edges.map(({ node }) => node.number);

for (const [how, knows] of [
  ['as its events say', true],
  ['as the service says where changes are not known', false],
] as const) {
  test(`a customer's orders come newest first, page by page, ${how}`, async (t) => {
    for (let n = 1; n <= 12; n += 1)
      await orders.append(`o${n}`, 'order-placed', placed(), n === 5 ? 'c2' : 'c1');
    const bff = await openWeb(knows);
    t.after(bff.close);
    const first = await bff.query(myOrders('(first: 4)')).set(issuer.ada);
    assert.deepEqual(numbersOf(first.body), ['o12', 'o11', 'o10', 'o9']);
    const { endCursor, ...more } = first.body.data.me.orders.pageInfo;
    assert.deepEqual(more, { hasNextPage: true, hasPreviousPage: false });
    const rest = await bff.query(myOrders(`(first: 7, after: "${endCursor}")`)).set(issuer.ada);
    assert.deepEqual(numbersOf(rest.body), ['o8', 'o7', 'o6', 'o4', 'o3', 'o2', 'o1']);
    assert.equal(rest.body.data.me.orders.pageInfo.hasNextPage, false);
    assert.equal(orders.takeCalls().length > 0, !knows);
  });
}

test("the orders of a customer are nobody else's to see", async () => {
  await orders.append('o1', 'order-placed', placed());
  const id = toGlobalId('Customer', 'c1');
  const query =
    'query ($id: ID!) { node(id: $id) { ... on Customer { displayName orders { edges { cursor } } } } }';
  for (const user of [{}, issuer.grace, issuer.root]) {
    const { body } = await web.query(query, { id }).set(user);
    assert.deepEqual(body.data, { node: { displayName: 'Customer 1', orders: null } });
    assert.equal(codeOf(body), 'FORBIDDEN');
  }
  for (const args of ['(first: 0)', '(first: 51)', '(after: "o1")', '(after: "")']) {
    const { body } = await web.query(myOrders(args)).set(issuer.ada);
    assert.equal(codeOf(body), 'BAD_USER_INPUT', args);
  }
});

test('what an event did is in the next answer, and no answer with an order is kept', async () => {
  await orders.append('o1', 'order-placed', placed());
  const status = async () => (await web.query(order('o1')).set(issuer.ada)).body.data.order.status;
  assert.equal(await status(), 'PENDING');
  for (const [type, expected] of [
    ['order-confirmed', 'CONFIRMED'],
    ['order-shipped', 'SHIPPED'],
  ] as const) {
    orders.hold();
    await orders.append('o1', type);
    await orders.release();
    while ((await status()) !== expected);
  }
  assert.deepEqual(orders.takeCalls(), []);
});

test('an order with an event that was changed behind the service is read from the service', async () => {
  await orders.append('o1', 'order-placed', placed());
  const event = { ...placed(), orderNumber: 'o1', version: 1, customerId: 'c1', type: 'order-placed' };
  const was = { ...event, at: '2026-01-01T00:00:00.000Z', data: placed(), traceparent: '' };
  await orders.appendEvents([
    {
      type: 'order-event-appended',
      key: 'o1:1',
      data: { before: was, after: { ...was, data: placed(800) } },
    },
  ]);
  let calls: string[] = [];
  while (calls.length === 0) {
    const { body } = await web.query(order('o1')).set(issuer.ada);
    assert.equal(body.data.order.number, 'o1');
    calls = orders.takeCalls();
  }
  assert.deepEqual(calls, ['GET /orders/o1']);
});

test('without orders the rest of a page comes, with an error that names their service', async (t) => {
  const bff = createTestWeb({ urls: shop.urls, verifyToken: issuer.verify });
  t.after(bff.close);
  const { body } = await bff.query('{ me { displayName orders { edges { cursor } } } }').set(issuer.ada);
  assert.deepEqual(body.data, { me: { displayName: 'Customer 1', orders: null } });
  assert.deepEqual(body.errors[0].extensions, { code: 'SERVICE_UNAVAILABLE', service: 'orders' });
});
