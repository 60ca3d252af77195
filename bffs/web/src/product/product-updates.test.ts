import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { everythingChangedEvent } from '@portico/contracts/events/change-event.ts';
import { createEventStreams } from '@portico/runtime/event-stream.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { createTestContext } from '@portico/testing/context.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import { nextOf, startLiveShop } from './product-updates.fixture.ts';

let issuer: TokenIssuer;
let shop: Awaited<ReturnType<typeof startLiveShop>>;
let web: Awaited<ReturnType<typeof shop.startWeb>>;
before(async () => {
  issuer = await startTokenIssuer();
});
after(() => issuer.close());
beforeEach(async () => {
  shop = await startLiveShop(issuer);
  web = await shop.startWeb();
});
afterEach(() => shop.close());

const subscription = (sku = 'p1', fields = 'name price { amount } availability { quantity }') =>
  `subscription { productUpdated(sku: "${sku}") { ${fields} } }`;

test('a stream begins with the product as it is, and goes on with what is selected of it whenever that changes', async () => {
  const stream = await web.open(subscription());
  assert.deepEqual([stream.status, stream.headers.get('content-type')], [200, 'text/event-stream']);
  const first = await nextOf(stream);
  assert.deepEqual(first.product, {
    name: 'Product 1',
    price: { amount: 100 },
    availability: { quantity: 1 },
  });
  assert.equal(first.event, 'next');
  await shop.setPrice('p1', 4_242);
  const second = await nextOf(stream);
  assert.equal(second.product.price.amount, 4_242);
  assert.ok(first.id && second.id && first.id !== second.id);
  await shop.setPrice('p2', 1);
  await shop.setStock('p1', 7);
  assert.equal((await nextOf(stream)).product.availability.quantity, 7);
  stream.cut();
});

test('a product that is not there, or not any more, is an error, and the stream is complete', async () => {
  for (const sku of ['p999', '../p1']) {
    const stream = await web.open(subscription(sku));
    assert.equal((await nextOf(stream)).errors[0].extensions.code, 'NOT_FOUND');
    assert.equal((await stream.next())?.event, 'complete');
    assert.equal(await stream.next(), undefined);
  }
  const stream = await web.open(subscription('p4'));
  await nextOf(stream);
  await shop.deleteProduct('p4');
  const last = await nextOf(stream);
  assert.deepEqual([last.errors[0].extensions.code, last.errors[0].path], ['NOT_FOUND', ['productUpdated']]);
  assert.equal((await stream.next())?.event, 'complete');
  assert.equal(await stream.next(), undefined);
  const resumed = await web.open(subscription('p4'), { 'last-event-id': String(last.id) });
  assert.equal((await resumed.next())?.event, 'complete');
});

test('after a change of which only its source is known, what is another one is sent, and nothing else', async () => {
  const [price, stock] = await Promise.all([
    web.open(subscription('p1', 'price { amount }')),
    web.open(subscription('p1', 'availability { quantity }')),
  ]);
  await Promise.all([nextOf(price), nextOf(stock)]);
  shop.data.products.splice(0, 1, {
    ...shop.data.products[0],
    price: { amount: 7, currency: 'EUR' },
  } as never);
  await shop.commit('catalog', everythingChangedEvent('too-large'));
  assert.equal((await nextOf(price)).product.price.amount, 7);
  shop.data.products.length = 0;
  await shop.commit('catalog', everythingChangedEvent('truncated'));
  for (const stream of [price, stock]) {
    assert.equal((await nextOf(stream)).errors[0].extensions.code, 'NOT_FOUND');
    assert.equal((await stream.next())?.event, 'complete');
  }
});

test('what changes while it is read for the first time is told as well', async () => {
  shop.events.on('call', ({ service }) => {
    // By then the price has been read.
    if (service === 'inventory') void shop.setPrice('p7', 7_007);
  });
  const stream = await web.open(subscription('p7'));
  let next = await nextOf(stream);
  if (next.product.price.amount !== 7_007) next = await nextOf(stream);
  assert.equal(next.product.price.amount, 7_007);
  stream.cut();
});

test('what changes nothing that was selected is not sent', async () => {
  const stream = await web.open(subscription('p1', 'name availability { inStock }'));
  await nextOf(stream);
  await shop.setPrice('p1', 5);
  await shop.setStock('p1', 50);
  await web.applied();
  await shop.setStock('p1', 0);
  assert.deepEqual((await nextOf(stream)).product, { name: 'Product 1', availability: { inStock: false } });
  stream.cut();
});

test('who comes back is sent the latest state once, and nothing if he has it', async () => {
  const stream = await web.open(subscription());
  const first = await nextOf(stream);
  stream.cut();
  for (const amount of [101, 102, 103]) await shop.setPrice('p1', amount);
  await web.applied();
  const resumed = await web.open(subscription(), { 'last-event-id': String(first.id) });
  const second = await nextOf(resumed);
  assert.equal(second.product.price.amount, 103);
  resumed.cut();
  const again = await web.open(subscription(), { 'last-event-id': String(second.id) });
  // Who comes after it has been told, so that it would have been as well.
  const other = await web.open(subscription());
  await nextOf(other);
  other.cut();
  await shop.setPrice('p1', 104);
  assert.equal((await nextOf(again)).product.price.amount, 104);
  again.cut();
  const otherFields = await web.open(subscription('p1', 'sku'), { 'last-event-id': String(second.id) });
  assert.equal((await nextOf(otherFields)).product.sku, 'p1');
  otherFields.cut();
});

test('the log of another epoch, and an id that is none, are a reset, and then the product as it is now', async () => {
  const stream = await web.open(subscription());
  const { id } = await nextOf(stream);
  await shop.hub.renewEpoch();
  assert.equal((await stream.next())?.event, 'reset');
  assert.equal((await nextOf(stream)).product.price.amount, 100);
  stream.cut();
  for (const old of [id, 'no id at all', 'bnVsbA']) {
    const resumed = await web.open(subscription(), { 'last-event-id': String(old) });
    assert.equal((await resumed.next())?.event, 'reset');
    assert.equal((await nextOf(resumed)).product.price.amount, 100);
    resumed.cut();
  }
});

test('an instance that is behind shows nothing older than who comes back has, or has made', async () => {
  const own = shop.connect();
  let held = Promise.resolve();
  const late = await shop.startWeb(
    {},
    {
      ...own,
      tail: (from, receive, signal) =>
        own.tail(
          from,
          async (messages) => {
            await held;
            await receive(messages);
          },
          signal,
        ),
    },
  );
  const open = await late.open(subscription());
  assert.equal((await nextOf(open)).product.price.amount, 100);
  // From then on it is answered from caches.
  const at = Date.now();
  for (const source of ['catalog', 'inventory']) {
    while (!late.node.hasSeen({ source, at })) {
      await shop.commit(source);
      await nextTurn();
    }
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  held = promise;

  const commit = await shop.setPrice('p1', 200);
  const context: RequestContext = { ...createTestContext() };
  late.consistency.begin(context);
  late.consistency.reading.onCommit?.(context, 'catalog', commit);
  const made = await late.open(subscription(), {
    'portico-consistency': String(context.consistency?.token()),
  });
  assert.equal((await nextOf(made)).product.price.amount, 200);
  made.cut();

  await shop.setPrice('p1', 300);
  await web.applied();
  const ahead = await web.open(subscription());
  const { id, product } = await nextOf(ahead);
  assert.equal(product.price.amount, 300);
  ahead.cut();
  const resumed = await late.open(subscription(), { 'last-event-id': String(id) });
  const next = resumed.next();
  await shop.setPrice('p1', 400);
  resolve();
  // Until then it was sent nothing, as it had what there was.
  assert.equal(JSON.parse((await next)?.data ?? '').data.productUpdated.price.amount, 400);
  resumed.cut();
  open.cut();
});

test('streams of the same question read it once, whoever asks, and those of other products are left alone', async () => {
  const users = [{}, issuer.ada, issuer.grace];
  const streams = await Promise.all(
    Array.from({ length: 60 }, (_, at) => web.open(subscription(), { ...users[at % 3] })),
  );
  const others = await Promise.all(['p5', 'p6'].map((sku) => web.open(subscription(sku))));
  await Promise.all([...streams, ...others].map(nextOf));
  shop.takeCalls();
  await shop.setPrice('p1', 1);
  for (const { product } of await Promise.all(streams.map(nextOf))) assert.equal(product.price.amount, 1);
  const calls = shop.takeCalls().map(({ service, target }) => `${service} ${target}`);
  assert.ok(calls.length <= 2 && calls.every((call) => call.includes('ids=p1')), calls.join());
  for (const stream of [...streams, ...others]) stream.cut();
});

test('when all changes at once, some are read at a time', async () => {
  const skus = Array.from({ length: 45 }, (_, at) => `p${at + 1}`);
  const streams = await Promise.all(skus.map((sku) => web.open(subscription(sku, 'name'))));
  await Promise.all(streams.map(nextOf));
  let [underWay, most] = [0, 0];
  shop.setFault('catalog', 'hang');
  shop.events.on('call', () => {
    underWay += 1;
    most = Math.max(most, underWay);
  });
  await shop.commit('catalog', everythingChangedEvent('too-large'));
  while (underWay < 16) await nextTurn();
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
  assert.equal(most, 16);
  shop.setFault('catalog', undefined);
  for (const stream of streams) stream.cut();
});

test('what a user alone may see is read for that user alone', async () => {
  const fields = 'reviews(first: 12) { edges { node { author { id orders { edges { cursor } } } } } }';
  const codesOf = async (user: Record<string, string>) => {
    const stream = await web.open(subscription('p1', fields), user);
    const { product, errors } = await nextOf(stream);
    stream.cut();
    return product.reviews.edges.map((_: unknown, at: number) => {
      const error = errors.find(({ path }: { path: unknown[] }) => path[3] === at);
      return error?.extensions.code;
    });
  };
  const [visitor, ada, grace] = await Promise.all([{}, issuer.ada, issuer.grace].map(codesOf));
  const count = (codes: string[], code: string) => codes.filter((each) => each === code).length;
  // There are no orders in this shop: who may see them is told so.
  assert.deepEqual(
    [visitor, ada, grace].map((codes) => count(codes, 'SERVICE_UNAVAILABLE')),
    [0, 2, 2],
  );
  assert.ok(count(ada, 'FORBIDDEN') > 0);
  assert.notDeepEqual(ada, grace);
});

test('to somebody who is not known at the moment it says so where a user is needed, and to nobody else', async () => {
  const fields = 'name reviews(first: 1) { edges { node { author { orders { edges { cursor } } } } } }';
  const open = (user: Record<string, string>) => web.open(subscription('p1', fields), user);
  const codeOf = async (stream: Awaited<ReturnType<typeof open>>) => {
    const { product, errors } = await nextOf(stream);
    assert.equal(product.name, 'Product 1');
    return errors[0].extensions.code;
  };
  const unknown = await open({ 'Portico-User': 'unknown' });
  assert.equal(await codeOf(unknown), 'USER_UNKNOWN');
  const others = await Promise.all([{}, issuer.ada].map(open));
  for (const other of others) assert.notEqual(await codeOf(other), 'USER_UNKNOWN');
  for (const stream of [unknown, ...others]) stream.cut();
});

test('a client that does not read is sent the latest state, not all that it missed', async () => {
  const text = 'x'.repeat(4_000);
  const describe = (at: number) => {
    const [before] = shop.data.products;
    shop.data.products[0] = { ...before, name: `Version ${at}`, description: text } as never;
    return shop.commit('catalog', everythingChangedEvent('too-large'));
  };
  const other = await shop.startWeb({ live: { everyMs: 0 } });
  const [slow, quick] = await Promise.all([
    other.open(
      subscription('p1', `name ${Array.from({ length: 50 }, (_, at) => `d${at}: description`).join(' ')}`),
    ),
    other.open(subscription('p1', 'name')),
  ]);
  await nextOf(quick);
  const versions = 80;
  for (let at = 1; at <= versions; at += 1) {
    await describe(at);
    assert.equal((await nextOf(quick)).product.name, `Version ${at}`);
  }
  const got: number[] = [];
  while (got.at(-1) !== versions) {
    const [, version] = (await nextOf(slow)).product.name.split(' ');
    got.push(Number(version));
  }
  assert.ok(got.length < versions / 2, `it got ${got.length}`);
  assert.deepEqual(
    got.slice(1),
    [...new Set(got.slice(1))].toSorted((a, b) => a - b),
  );
  slow.cut();
  quick.cut();
});

test('a part that fails is null, and comes when its service is back; a product that fails is no news', async () => {
  const other = await shop.startWeb({ live: { everyMs: 0, lookEveryMs: 300 } });
  const stream = await other.open(subscription('p1', 'price { amount } availability { quantity }'));
  await nextOf(stream);
  shop.setFault('inventory', 'fail');
  await shop.commit('inventory', everythingChangedEvent('too-large'));
  const partly = await nextOf(stream);
  assert.deepEqual(partly.product, { price: { amount: 100 }, availability: null });
  assert.equal(partly.errors[0].extensions.service, 'inventory');
  shop.setFault('inventory', undefined);
  assert.deepEqual((await nextOf(stream)).product.availability, { quantity: 1 });
  shop.setFault('catalog', 'fail');
  const { promise: hasFailed, resolve } = Promise.withResolvers<void>();
  let calls = 0;
  shop.events.on('call', ({ service }) => {
    if (service === 'catalog') calls += 1;
    // A reading is one call, and one again: with the third one, one has failed.
    if (calls === 3) resolve();
  });
  await shop.setPrice('p1', 9);
  await hasFailed;
  shop.setFault('catalog', undefined);
  assert.deepEqual((await nextOf(stream)).product, { price: { amount: 9 }, availability: { quantity: 1 } });
  stream.cut();
});

test('1,000 streams that were opened and closed leave nobody who listens', { timeout: 60_000 }, async () => {
  const other = await shop.startWeb({ eventStreams: createEventStreams({ maxOfClient: 2_000 }) });
  const before = other.listeners();
  for (let round = 0; round < 10; round += 1) {
    const streams = await Promise.all(
      Array.from({ length: 100 }, (_, at) => other.open(subscription(`p${(at % 45) + 1}`))),
    );
    await Promise.all(streams.map(nextOf));
    assert.equal(other.listeners(), before + 2);
    for (const stream of streams) stream.cut();
  }
  const cutAt = performance.now();
  while (other.listeners() > before) await delay(1);
  assert.ok(performance.now() - cutAt < 5_000);
});

test('who has too many streams is refused with a problem, and so is everybody when there are too many', async () => {
  const eventStreams = createEventStreams({ maxOpen: 3, maxOfClient: 2 });
  const other = await shop.startWeb({ eventStreams });
  const open = (user: Record<string, string> = {}) => other.open(subscription(), user);
  const own = [await open(), await open()];
  assert.equal((await open()).status, 429);
  const adas = await open(issuer.ada);
  assert.equal(adas.status, 200);
  const refused = await open(issuer.grace);
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5']);
  assert.equal(refused.headers.get('content-type'), 'application/problem+json');
  own[0]?.cut();
  while ((await open(issuer.grace)).status !== 200);
  eventStreams.leave();
  await nextOf(adas);
  assert.equal(await adas.next(), undefined);
});

test('a subscription needs a stream, and changes that are known', async () => {
  const { body } = await web.query(subscription());
  assert.equal(body.errors[0].extensions.code, 'BAD_REQUEST');
  const other = await shop.startWeb({ node: undefined });
  const stream = await other.open(subscription());
  assert.deepEqual((await nextOf(stream)).errors[0].extensions, {
    code: 'SERVICE_UNAVAILABLE',
    service: 'catalog',
  });
  const query = JSON.stringify('subscription ($sku: String!) { productUpdated(sku: $sku) { sku } }');
  const posted = await web.post(`{ "query": ${query}, "variables": { "sku": "p2" } }`);
  assert.equal((await nextOf(posted)).product.sku, 'p2');
  posted.cut();
  const nested = '['.repeat(40_000) + ']'.repeat(40_000);
  const deep = await web.post(`{ "query": ${query}, "variables": { "sku": "p1", "more": ${nested} } }`);
  assert.equal((await nextOf(deep)).errors[0].extensions.code, 'BAD_USER_INPUT');
  const wrong = await web.open(subscription('p1', 'secret'));
  assert.equal((await nextOf(wrong)).errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
});
