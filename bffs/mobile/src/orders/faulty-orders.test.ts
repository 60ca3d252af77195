/** Orders while the view of them does not understand an event, and when it does again. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { createFaultRoutes } from '@portico/change-stream/faults/fault-routes.ts';
import { createMemoryViewStore } from '@portico/change-stream/views/memory-view-store.ts';
import type { View } from '@portico/change-stream/views/view.ts';
import type { ViewStore } from '@portico/change-stream/views/view-store.ts';
import { type OrdersState, ordersView } from '@portico/coherent-cache/orders/orders-view.ts';
import { createAdminApp } from '@portico/runtime/admin.ts';
import { createEventStreams } from '@portico/runtime/event-stream.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { serveEventStreams } from '@portico/testing/event-stream-reader.ts';
import { type OrdersShop, startOrdersShop } from '@portico/testing/orders-shop.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import supertest from 'supertest';
import { createTestBff } from '../mobile-bff.fixture.ts';

let shop: ShopServices;
let issuer: TokenIssuer;
let orders: OrdersShop;
let store: ViewStore<OrdersState>;
const closing: (() => Promise<unknown>)[] = [];
before(async () => {
  shop = await startShopServices();
  issuer = await startTokenIssuer();
});
after(() => Promise.all([shop.close(), issuer.close()]));
beforeEach(async () => {
  orders = await startOrdersShop(issuer);
  store = createMemoryViewStore();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await orders.close();
});

/** A process with this code of the view, in front of the same store as the others. */
async function startBff(view?: View<OrdersState>) {
  const known = await orders.follow(undefined, { store, ...(view && { view }) });
  const eventStreams = createEventStreams();
  const options = { ...known, verifyToken: issuer.verify, eventStreams, callTimeoutMs: 20_000 };
  const bff = createTestBff({ ...shop.urls, orders: orders.url }, options);
  const server = await serveEventStreams(bff.app);
  closing.push(bff.close, server.close);
  const admin = createAdminApp({
    metrics: createMetrics('test'),
    checks: {},
    stopping: () => false,
    extra: createFaultRoutes([known.ordersView.faults]),
  });
  /** The answer, and what the service was asked for it. */
  const get = async (path: string) => {
    orders.takeCalls();
    const { body, status } = await supertest(bff.app).get(`/api/v1${path}`).set(issuer.ada);
    return { status, body, calls: orders.takeCalls().length };
  };
  const follow = (number: string, lastId?: string) =>
    server.open(`/api/v1/orders/${number}/events`, {
      headers: { ...issuer.ada, accept: 'text/event-stream', ...(lastId && { 'last-event-id': lastId }) },
    });
  return { get, follow, admin: supertest(admin) };
}

const total = { amount: 400, currency: 'EUR' };
const placed = {
  lines: [{ productId: 'p2', quantity: 2, unitPrice: { amount: 200, currency: 'EUR' } }],
  total,
};
/** Code that fails at the event of this key. */
const failingAt = (key: string): View<OrdersState> => ({
  ...ordersView('test'),
  evolve: (state, event, at) => {
    if (event.key === key) throw new TypeError(`no idea of ${key}`);
    return ordersView('test').evolve(state, event, at);
  },
});
const typesOf = ({ timeline }: { timeline: { type: string }[] }) => timeline.map(({ type }) => type);

test('an order with a fault is told by its service, the others by the view, and its stream goes on after the repair', async () => {
  const bff = await startBff(failingAt('o1:2'));
  await orders.append('o1', 'order-placed', placed);
  await orders.append('o2', 'order-placed', placed);
  const [stream, other] = [await bff.follow('o1'), await bff.follow('o2')];
  const first = await stream.next();
  await other.next();
  for (const type of ['order-confirmed', 'order-shipped']) await orders.append('o1', type);
  await orders.append('o2', 'order-confirmed');
  assert.equal(await stream.next(), undefined);
  assert.deepEqual(typesOf(JSON.parse((await other.next())?.data ?? '')), [
    'order-placed',
    'order-confirmed',
  ]);
  assert.equal((await bff.follow('o1', first?.id)).status, 503);

  const [one, two, list] = [
    await bff.get('/orders/o1'),
    await bff.get('/orders/o2'),
    await bff.get('/me/orders'),
  ];
  assert.deepEqual([one.body.status, one.calls], ['SHIPPED', 1]);
  assert.deepEqual([two.body.status, two.calls], ['CONFIRMED', 0]);
  assert.deepEqual(
    list.body.items.map(({ number, status }: Record<string, string>) => [number, status]),
    [
      ['o2', 'CONFIRMED'],
      ['o1', 'SHIPPED'],
    ],
  );
  const { body } = await bff.admin.get('/event-faults');
  const [{ id, consumer, keys, waiting, event }] = body.items;
  assert.deepEqual(
    [body.items.length, consumer, keys, waiting, event.key],
    [1, 'test orders', ['order:o1'], 1, 'o1:2'],
  );
  assert.equal((await bff.admin.get('/readyz')).status, 200);

  const fixed = await startBff();
  const shown = await fixed.admin.get(`/event-faults/${id}`);
  assert.deepEqual(
    [shown.body.error.message, shown.body.event.data.after.type],
    ['no idea of o1:2', 'order-confirmed'],
  );
  assert.deepEqual((await fixed.admin.post(`/event-faults/${id}/resubmit`).send({})).body, {
    applied: 2,
    left: [],
  });
  assert.equal((await fixed.admin.post(`/event-faults/${id}/resubmit`)).status, 400);
  const again = await fixed.admin.post(`/event-faults/${id}/resubmit`).send({});
  assert.deepEqual([again.status, again.body.type], [404, 'urn:portico:problem:not-found']);
  const repaired = await fixed.get('/orders/o1');
  assert.deepEqual([repaired.body, repaired.calls], [one.body, 0]);
  const resumed = await bff.follow('o1', first?.id);
  const rest = [await resumed.next(), await resumed.next()].map((each) => JSON.parse(each?.data ?? ''));
  assert.deepEqual(
    rest.map(({ status }) => status),
    ['CONFIRMED', 'SHIPPED'],
  );
  assert.deepEqual(rest[1], one.body);
  resumed.cut();
  other.cut();
});

test('an event that says nothing sensible is a fault of its order alone, unless it is the first one', async () => {
  const bff = await startBff();
  await orders.append('o1', 'order-placed', placed);
  const broken = (key: string) => ({
    type: 'order-event-appended',
    key,
    data: { before: null, after: { no: 1 } },
  });
  await orders.appendEvents([broken('o1:2')]);
  await orders.append('o2', 'order-placed', placed);
  assert.deepEqual([(await bff.get('/orders/o1')).calls, (await bff.get('/orders/o2')).calls], [1, 0]);
  await orders.appendEvents([broken('o3:1')]);
  assert.equal((await bff.get('/orders/o2')).calls, 1);
  const { body } = await bff.admin.get('/event-faults');
  const [one, three] = body.items as { id: string; keys?: string[] }[];
  assert.deepEqual([one?.keys, three?.keys], [['order:o1'], undefined]);
  assert.deepEqual((await bff.admin.post(`/event-faults/${three?.id}/discard`).send({})).body, {
    applied: 0,
    left: [],
  });
  const two = await bff.get('/orders/o2');
  assert.deepEqual([two.body.status, two.calls], ['PENDING', 0]);
});
