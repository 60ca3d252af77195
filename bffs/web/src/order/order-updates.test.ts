import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { createEventStreams, type EventStreams } from '@portico/runtime/event-stream.ts';
import { type EventStreamReader, serveEventStreams } from '@portico/testing/event-stream-reader.ts';
import { type OrdersShop, startOrdersShop } from '@portico/testing/orders-shop.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import { createTestWeb, type TestWeb } from '../web-bff.fixture.ts';

let shop: ShopServices;
let issuer: TokenIssuer;
let orders: OrdersShop;
let web: TestWeb;
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
  const known = await orders.follow();
  const urls = { ...shop.urls, orders: orders.url };
  web = createTestWeb({ urls, verifyToken: issuer.verify, eventStreams, ...known });
  server = await serveEventStreams(web.app);
  await orders.append('o1', 'order-placed', placed);
});
afterEach(async () => {
  await server.close();
  await web.close();
  await orders.close();
});

const placed = {
  lines: [{ productId: 'p2', quantity: 2, unitPrice: { amount: 200, currency: 'EUR' } }],
  total: { amount: 400, currency: 'EUR' },
};
const subscription = (number = 'o1') =>
  `subscription { orderUpdated(number: "${number}") { status reason timeline { type } lines { product { name } } } }`;
const open = (lastId?: string, query = subscription(), user: Readonly<Record<string, string>> = issuer.ada) =>
  server.open(`/graphql?query=${encodeURIComponent(query)}`, {
    headers: { ...user, accept: 'text/event-stream', ...(lastId && { 'last-event-id': lastId }) },
  });
/** The next update: the last event of the order's timeline, its status, and the id. */
async function nextOf(stream: EventStreamReader) {
  const { event, id, data } = (await stream.next()) ?? {};
  const order = JSON.parse(data ?? '{}').data?.orderUpdated;
  return { event, id, status: order?.status, type: order?.timeline.at(-1).type, order };
}

test('each event of an order comes once, as the order right after it', async () => {
  await orders.append('o1', 'stock-reserved');
  const stream = await open();
  assert.deepEqual([stream.status, stream.headers.get('content-type')], [200, 'text/event-stream']);
  assert.equal(stream.headers.get('cache-control'), 'private, no-store, no-transform');
  const first = await nextOf(stream);
  assert.deepEqual([first.event, first.status, first.type], ['next', 'PENDING', 'order-placed']);
  assert.deepEqual(first.order.lines, [{ product: { name: 'Product 2' } }]);
  const second = await nextOf(stream);
  assert.equal(second.type, 'stock-reserved');
  assert.ok(first.id && second.id && first.id !== second.id);
  await orders.append('o1', 'order-rejected', { reason: 'payment_declined' });
  const third = await nextOf(stream);
  assert.deepEqual(
    [third.status, third.order.reason, third.order.timeline.length],
    ['REJECTED', 'payment_declined', 3],
  );
  stream.cut();

  const resumed = await open(first.id);
  assert.deepEqual([(await nextOf(resumed)).id, (await nextOf(resumed)).id], [second.id, third.id]);
  resumed.cut();
  const posted = await server.open('/graphql', {
    method: 'POST',
    headers: {
      ...issuer.ada,
      accept: 'text/event-stream',
      'content-type': 'application/json',
      'last-event-id': `${second.id}`,
    },
    body: JSON.stringify({ query: subscription() }),
  });
  assert.equal((await nextOf(posted)).id, third.id);
  posted.cut();
});

test('a link that is cut 200 times brings every event once', async () => {
  const expected = [
    'order-placed',
    ...Array.from({ length: 59 }, (_, at) => `step-${String.fromCharCode(97 + (at % 26))}`),
  ];
  const writing = (async () => {
    for (const type of expected.slice(1)) {
      await orders.append('o1', type);
      await web.query('{ order(number: "o1") { status } }').set(issuer.ada);
    }
  })();
  const got: string[] = [];
  let lastId: string | undefined;
  for (let cuts = 0; cuts < 200; cuts += 1) {
    const stream = await open(lastId);
    if (cuts % 4 !== 0 && got.length < expected.length) {
      const { id, type, event } = await nextOf(stream);
      assert.equal(event, 'next');
      got.push(String(type));
      lastId = id;
    }
    stream.cut();
  }
  await writing;
  assert.deepEqual(got, expected);
});

test('the log of another epoch is a reset, and then the order as it is now', async () => {
  await orders.append('o1', 'stock-reserved');
  const stream = await open();
  const { id } = await nextOf(stream);
  await nextOf(stream);
  await orders.hub.renewEpoch();
  assert.deepEqual(await stream.next(), { event: 'reset', id: undefined, data: '{}' });
  assert.equal((await nextOf(stream)).type, 'stock-reserved');
  stream.cut();
  for (const old of [id, 'no id at all']) {
    const resumed = await open(old);
    assert.equal((await resumed.next())?.event, 'reset');
    const { order } = await nextOf(resumed);
    assert.equal(order.timeline.length, 2);
    resumed.cut();
  }
});

test("an order that isn't there, or is somebody else's, is an error, and the stream is complete", async () => {
  for (const [number, user, code] of [
    ['o1', issuer.grace, 'NOT_FOUND'],
    ['o9', issuer.ada, 'NOT_FOUND'],
    ['../o1', issuer.ada, 'NOT_FOUND'],
    ['o1', {}, 'UNAUTHENTICATED'],
    ['o1', { 'portico-user': 'unknown' }, 'USER_UNKNOWN'],
  ] as const) {
    const stream = await open(undefined, subscription(number), user);
    const { errors } = JSON.parse((await stream.next())?.data ?? '{}');
    assert.equal(errors[0].extensions.code, code);
    assert.equal((await stream.next())?.event, 'complete');
    assert.equal(await stream.next(), undefined);
  }
});

test('a query is answered as a stream of one result; a subscription needs a stream', async () => {
  const stream = await open(undefined, '{ order(number: "o1") { status } }');
  assert.deepEqual(JSON.parse((await stream.next())?.data ?? ''), { data: { order: { status: 'PENDING' } } });
  assert.equal((await stream.next())?.event, 'complete');
  const { body } = await web.query(subscription()).set(issuer.ada);
  assert.equal(body.errors[0].extensions.code, 'BAD_REQUEST');
  const mutation = await open(undefined, 'mutation { cancelOrder(number: "o1") { order { status } } }');
  assert.equal(JSON.parse((await mutation.next())?.data ?? '').errors[0].extensions.code, 'BAD_REQUEST');
});

test('a stream is kept alive by comments, and ends when the process stops', async () => {
  const stream = await open();
  await nextOf(stream);
  assert.equal((await stream.nextOfAny())?.event, 'comment');
  eventStreams.leave();
  assert.equal(await stream.next(), undefined);
  assert.equal(await (await open()).next(), undefined);
});

test('where changes are not known a stream is refused', async (t) => {
  const urls = { ...shop.urls, orders: orders.url };
  const other = createTestWeb({ urls, verifyToken: issuer.verify });
  const otherServer = await serveEventStreams(other.app);
  t.after(() => Promise.all([otherServer.close(), other.close()]));
  const stream = await otherServer.open(`/graphql?query=${encodeURIComponent(subscription())}`, {
    headers: { ...issuer.ada, accept: 'text/event-stream' },
  });
  const { errors } = JSON.parse((await stream.next())?.data ?? '{}');
  assert.deepEqual(errors[0].extensions, { code: 'SERVICE_UNAVAILABLE', service: 'orders' });
});
