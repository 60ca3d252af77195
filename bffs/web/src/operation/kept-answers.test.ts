import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { toSessionEnded } from '@portico/contracts/events/session-ended.ts';
import type { Identity } from '@portico/runtime/access-token.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import request from 'supertest';
import { createTestWeb, type TestWeb } from '../web-bff.fixture.ts';

let shop: ShopServices;
let web: TestWeb;
let metrics = createMetrics('web');
before(async () => {
  shop = await startShopServices();
});
after(() => shop.close());
beforeEach(() => {
  metrics = createMetrics('web');
  const verifyToken = async (token: string): Promise<Identity> => ({
    subject: token,
    name: undefined,
    roles: [],
    scopes: [],
    token,
  });
  web = createTestWeb({ ...shop, metrics, verifyToken, demo: true });
});
afterEach(async () => {
  await web.close();
  shop.setFault('reviews', undefined);
});

/** How many whole answers and parts of them were asked for, and how the wholes were answered. */
const reads = async () => {
  const metric = await metrics.registry.getSingleMetric('portico_cache_reads_total')?.get();
  const counted = (metric?.values ?? []).map(({ labels, value }) => ({ ...labels, value }));
  const sum = (of: string, answers?: readonly string[]) =>
    counted
      .filter(
        (each: Record<string, unknown>) => each.of === of && (answers?.includes(String(each.answer)) ?? true),
      )
      .reduce((total, { value }) => total + value, 0);
  return { parts: sum('part'), made: sum('whole', ['fill']), kept: sum('whole', ['memory']) };
};

const query = 'query ($sku: String!) { product(sku: $sku) { name rating { count } } }';

test('an answer is given again as it was, without a look into the query; of the other type it is the same', async () => {
  const first = await web.query(query, { sku: 'p1' });
  const { parts } = await reads();
  const again = await web.query(query, { sku: 'p1' });
  assert.deepEqual(await reads(), { parts, made: 1, kept: 1 });
  assert.equal(again.text, first.text);
  for (const name of ['content-type', 'cache-control', 'vary', 'content-length']) {
    assert.equal(again.headers[name], first.headers[name], name);
  }
  assert.match(String(again.headers['cache-status']), /^portico-web; hit/);
  assert.match(String(again.headers['server-timing']), /calls=0/);
  assert.notEqual(again.headers['x-request-id'], first.headers['x-request-id']);
  const legacy = await request(web.app)
    .post('/graphql')
    .accept('application/json')
    .send({
      query,
      variables: { sku: 'p1' },
    });
  assert.match(String(legacy.headers['content-type']), /^application\/json/);
  assert.deepEqual(legacy.body, first.body);
});

test('another query, other variables, another operation of the same document and another user have another answer', async () => {
  const two = 'query A { product(sku: "p1") { name } } query B { product(sku: "p2") { name } }';
  const asked = [
    { query, variables: { sku: 'p1' } },
    { query, variables: { sku: 'p2' } },
    { query: query.replace('name', 'sku'), variables: { sku: 'p1' } },
    { query: two, operationName: 'A' },
    { query: two, operationName: 'B' },
    { query: 'query { me { displayName } product(sku: "p1") { name } }' },
  ];
  const texts = new Set<string>();
  for (const body of asked) texts.add((await request(web.app).post('/graphql').send(body)).text);
  for (const user of ['c1', 'c2']) {
    const sent = request(web.app).post('/graphql').set('Authorization', `Bearer ${user}`);
    texts.add((await sent.send(asked.at(-1))).text);
  }
  assert.equal(texts.size, asked.length + 2);
  assert.equal((await reads()).kept, 0);
});

test('when a session of a user has ended, what was kept for that user is made anew, and nothing else', async () => {
  const askAs = async (user: string | undefined) => {
    const sent = request(web.app)
      .post('/graphql')
      .send({ query, variables: { sku: 'p1' } });
    await (user === undefined ? sent : sent.set('Authorization', `Bearer ${user}`));
  };
  const users = ['c1', 'c2', undefined];
  for (const user of users) await askAs(user);
  const end = toSessionEnded('e1', 'c1', 'logout', Date.now());
  await request(web.app)
    .post('/session-ends')
    .type('application/cloudevents-batch+json')
    .send(JSON.stringify([end]))
    .expect(204);
  for (const user of users) await askAs(user);
  const { made, kept } = await reads();
  assert.deepEqual([made, kept], [4, 2]);
});

test('while nobody can say who a user is, the catalogue goes on, what is private is not available, and visitors see none of that', async () => {
  const me = 'me { displayName }';
  const product = 'product(sku: "p1") { name }';
  const ask = (query: string, fields = {}) => request(web.app).post('/graphql').set(fields).send({ query });
  const unknown = { 'Portico-User': 'unknown' };
  for (const _ of [1, 2]) {
    const [both, visitor] = await Promise.all([
      ask(`{ ${me} ${product} }`, unknown),
      ask(`{ ${me} ${product} }`),
    ]);
    assert.equal(both.status, 200);
    assert.equal(both.body.data.product.name, 'Product 1');
    assert.deepEqual(
      both.body.errors.map(({ path, extensions }: { path: string[]; extensions: { code: string } }) => [
        path,
        extensions.code,
      ]),
      [[['me'], 'USER_UNKNOWN']],
    );
    assert.deepEqual([visitor.body.data.me, visitor.body.errors], [null, undefined]);
  }
  const orders = 'order(number: "o1") { number }';
  for (const query of [`{ ${me} }`, `{ ${orders} }`, `{ ${me} ${orders} }`]) {
    const refused = await ask(query, unknown);
    assert.equal(refused.status, 503);
    assert.equal(refused.body.type, 'urn:portico:problem:unavailable');
    assert.equal(refused.headers['retry-after'], '1');
  }
  assert.equal((await ask(`{ ${product} }`, unknown)).body.errors, undefined);
});

test('answers with errors, and what may show the schema or change something, are made each time', async () => {
  shop.setFault('reviews', 'fail');
  const failed = await web.query(query, { sku: 'p1' });
  assert.equal(failed.body.errors.length, 1);
  shop.setFault('reviews', undefined);
  await web.query(query, { sku: 'p3' });
  for (const other of [
    '{ product(sku: "p1") { name } __schema { queryType { name } } }',
    'mutation { setPrice }',
    '{ product(sku: "p1") { name',
    '{ __typename }',
  ]) {
    await web.query(other);
    await web.query(other);
  }
  assert.equal((await reads()).kept, 0);
});

test('who asks the same at the same moment gets one answer, made once', async () => {
  const asked = Array.from({ length: 10 }, () => web.query(query, { sku: 'p1' }));
  const answers = await Promise.all(asked);
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
  assert.equal(new Set(answers.map(({ headers }) => headers['x-request-id'])).size, 10);
  assert.equal((await reads()).made, 1);
});
