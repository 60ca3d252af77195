import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { createEventStreams, type EventStreams } from '@portico/runtime/event-stream.ts';
import { serveEventStreams } from '@portico/testing/event-stream-reader.ts';
import { type OrdersShop, startOrdersShop } from '@portico/testing/orders-shop.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import { createTestBff } from '../mobile-bff.fixture.ts';

let shop: ShopServices;
let issuer: TokenIssuer;
let orders: OrdersShop;
let bff: ReturnType<typeof createTestBff>;
let server: Awaited<ReturnType<typeof serveEventStreams>>;
let eventStreams: EventStreams;
before(async () => {
  shop = await startShopServices();
  issuer = await startTokenIssuer();
});
after(() => Promise.all([shop.close(), issuer.close()]));
beforeEach(async () => {
  orders = await startOrdersShop(issuer);
  eventStreams = createEventStreams({ keepAliveMs: 20 });
  const known = { ...(await orders.follow()), verifyToken: issuer.verify, eventStreams };
  bff = createTestBff({ ...shop.urls, orders: orders.url }, { ...known, callTimeoutMs: 20_000 });
  server = await serveEventStreams(bff.app);
  await orders.append('o1', 'order-placed', placed);
});
afterEach(async () => {
  await server.close();
  await bff.close();
  await orders.close();
});

const placed = {
  lines: [{ productId: 'p2', quantity: 2, unitPrice: { amount: 200, currency: 'EUR' } }],
  total: { amount: 400, currency: 'EUR' },
};
const open = (
  lastId?: string,
  number = 'o1',
  user: { authorization?: string } = issuer.ada,
  method = 'GET',
) =>
  server.open(`/api/v1/orders/${number}/events`, {
    method,
    headers: { ...user, accept: 'text/event-stream', ...(lastId && { 'last-event-id': lastId }) },
  });

test('each event of an order comes once, as the order right after it, and who comes back goes on', async () => {
  const stream = await open();
  assert.equal(stream.headers.get('content-type'), 'text/event-stream');
  assert.equal(stream.headers.get('content-encoding'), null);
  const first = await stream.next();
  await orders.append('o1', 'order-confirmed');
  const second = await stream.next();
  const { timeline, ...order } = JSON.parse(second?.data ?? '');
  assert.deepEqual(order, { number: 'o1', status: 'CONFIRMED', ...placed, placedAt: timeline[0].at });
  assert.equal(JSON.parse(first?.data ?? '').timeline.length, 1);
  stream.cut();
  const resumed = await open(first?.id);
  assert.deepEqual(await resumed.next(), second);
  resumed.cut();
});

test('a link that is cut many times brings every event once', async () => {
  const got: string[] = [];
  let lastId: string | undefined;
  for (let step = 1; step <= 40; step += 1) {
    await orders.append('o1', `step-${'i'.repeat(step)}`);
    (await open(lastId)).cut();
    const stream = await open(lastId);
    const event = await stream.next();
    lastId = event?.id;
    got.push(JSON.parse(event?.data ?? '').timeline.at(-1).type);
    stream.cut();
  }
  assert.deepEqual(got, [
    'order-placed',
    ...Array.from({ length: 39 }, (_, at) => `step-${'i'.repeat(at + 1)}`),
  ]);
});

test('the log of another epoch is a reset, and then the order as it is now', async () => {
  await orders.append('o1', 'order-confirmed');
  const stream = await open();
  const first = await stream.next();
  await stream.next();
  await orders.hub.renewEpoch();
  assert.deepEqual(await stream.next(), { event: 'reset', id: undefined, data: '{}' });
  assert.equal(JSON.parse((await stream.next())?.data ?? '').status, 'CONFIRMED');
  stream.cut();
  const resumed = await open(first?.id);
  assert.equal((await resumed.next())?.event, 'reset');
  resumed.cut();
});

test("an order that isn't there, or is somebody else's, is a 404 before anything begins", async () => {
  assert.equal((await open(undefined, 'o1', issuer.grace)).status, 404);
  assert.equal((await open(undefined, 'o9')).status, 404);
  assert.equal((await open(undefined, 'x')).status, 404);
  assert.equal((await open(undefined, 'o1', {})).status, 401);
  assert.equal((await open('x'.repeat(300))).status, 400);
  const head = await open(undefined, 'o1', issuer.ada, 'HEAD');
  assert.deepEqual([head.status, await head.next()], [200, undefined]);
});

test('a stream is kept alive by comments, and ends when the process stops', async () => {
  const stream = await open();
  await stream.next();
  assert.equal((await stream.nextOfAny())?.event, 'comment');
  eventStreams.leave();
  assert.equal(await stream.next(), undefined);
});
