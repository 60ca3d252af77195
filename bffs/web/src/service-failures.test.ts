import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { createLogger } from '@portico/runtime/log.ts';
import { end, httpAnswer, type Script, startScriptedServer } from '@portico/testing/scripted-server.ts';
import { type ShopFault, type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { createTestWeb } from './web-bff.fixture.ts';

let shop: ShopServices;
before(async () => {
  shop = await startShopServices();
});
after(() => shop.close());
afterEach(() => {
  for (const service of ['catalog', 'inventory', 'reviews', 'customers'] as const) {
    shop.setFault(service, undefined);
  }
});

const page = `{ products(first: 20) { edges { node {
  sku availability { inStock } rating { average } reviews(first: 2) { edges { node { body author { displayName } } } }
} } } }`;

interface ProductNode {
  readonly sku: string;
  readonly availability: object | null;
  readonly rating: object | null;
  readonly reviews: { edges: { node: { body: string; author: object | null } }[] } | null;
}
const nodesOf = (body: { data: { products: { edges: { node: ProductNode }[] } } }) =>
  body.data.products.edges.map(({ node }) => node);

interface AnswerError {
  readonly message: string;
  readonly path: (string | number)[];
  readonly extensions: { readonly code: string; readonly service?: string };
}

/** Each error names the service and nothing of how it is reached. */
function checkErrors(errors: AnswerError[], service: string, code: string) {
  for (const error of errors) {
    assert.deepEqual(error.extensions, { code, service });
    assert.doesNotMatch(JSON.stringify(error), /127\.0\.0\.1|localhost|ECONN| {4}at |\.ts|stack|:\d{4,5}/);
  }
}

/** For services that hang; enough for all others. */
const callTimeoutMs = 2_000;

const faults: [ShopFault, string][] = [
  ['fail', 'SERVICE_UNAVAILABLE'],
  ['reset', 'SERVICE_UNAVAILABLE'],
  ['hang', 'SERVICE_TIMEOUT'],
  ['garble', 'SERVICE_BAD_ANSWER'],
];
for (const [fault, code] of faults) {
  test(`reviews that ${fault} cost the fields that come from reviews, and each says so`, async (t) => {
    const web = createTestWeb({ ...shop, callTimeoutMs });
    t.after(web.close);
    shop.setFault('reviews', fault);

    const { status, body } = await web.query(page);

    assert.equal(status, 200);
    const nodes = nodesOf(body);
    assert.equal(nodes.length, 20);
    for (const { rating, reviews } of nodes)
      assert.deepEqual({ rating, reviews }, { rating: null, reviews: null });
    assert.deepEqual(nodes[0]?.availability, { inStock: true });
    assert.equal(body.errors.length, 40);
    checkErrors(body.errors, 'reviews', code);
    assert.deepEqual(
      body.errors.map(({ path }: AnswerError) => path.join('.')).sort()[0],
      'products.edges.0.node.rating',
    );
  });
}

test('each service that fails costs just its own fields', async (t) => {
  const web = createTestWeb(shop);
  t.after(web.close);
  shop.setFault('inventory', 'reset');
  shop.setFault('customers', 'fail');

  const { body } = await web.query(page);

  const [first] = nodesOf(body);
  assert.equal(first?.availability, null);
  assert.deepEqual(first?.rating, { average: 3 });
  assert.equal(first?.reviews?.edges.length, 2);
  assert.equal(first?.reviews?.edges[0]?.node.author, null);
  const services = body.errors.map(({ extensions }: AnswerError) => extensions.service);
  assert.deepEqual([...new Set(services)].sort(), ['customers', 'inventory']);
});

test('without the catalogue there is no page, and the one error names it', async (t) => {
  const web = createTestWeb(shop);
  t.after(web.close);
  shop.setFault('catalog', 'fail');

  const { status, headers, body } = await web.query(page);

  assert.equal(status, 200, 'a well-formed GraphQL answer, as GraphQL over HTTP has it');
  assert.match(String(headers['content-type']), /^application\/graphql-response\+json/);
  assert.equal(body.data, null);
  assert.equal(body.errors.length, 1);
  assert.deepEqual(body.errors[0].path, ['products']);
  checkErrors(body.errors, 'catalog', 'SERVICE_UNAVAILABLE');
});

test('a service that nobody listens for is not available', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  const web = createTestWeb({ urls: { ...shop.urls, reviews: `http://127.0.0.1:${port}` } });
  t.after(web.close);

  const { body } = await web.query(page);

  assert.equal(nodesOf(body).length, 20);
  checkErrors(body.errors, 'reviews', 'SERVICE_UNAVAILABLE');
});

const json = { 'Content-Type': 'application/json' };
const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
const badAnswers: [string, Script, string][] = [
  ['hangs after its headers', () => [`${head}Content-Length: 100\r\n\r\n`], 'SERVICE_TIMEOUT'],
  ['sends half a body', () => [`${head}Content-Length: 100\r\n\r\n{"items":`, end], 'SERVICE_UNAVAILABLE'],
  ['sends invalid JSON', () => [httpAnswer(200, '{"items":[', json)], 'SERVICE_BAD_ANSWER'],
  ['sends JSON of another shape', () => [httpAnswer(200, '{"items":[{}]}', json)], 'SERVICE_BAD_ANSWER'],
  [
    'sends HTML',
    () => [httpAnswer(200, '<h1>db-7</h1>', { 'Content-Type': 'text/html' })],
    'SERVICE_BAD_ANSWER',
  ],
  ['sends 100 MB', hundredMegabytes, 'SERVICE_BAD_ANSWER'],
  ['sends no HTTP', () => ['220 mail.example.com ESMTP\r\n', end], 'SERVICE_BAD_ANSWER'],
  [
    'refuses',
    () => [httpAnswer(418, '{"detail":"no"}', { 'Content-Type': 'application/problem+json' })],
    'SERVICE_UNAVAILABLE',
  ],
  [
    'forbids',
    () => [httpAnswer(403, '{"detail":"no"}', { 'Content-Type': 'application/problem+json' })],
    'FORBIDDEN',
  ],
];
for (const [behaviour, script, code] of badAnswers) {
  test(`a service that ${behaviour} costs its fields only`, async (t) => {
    const reviews = await startScriptedServer(script);
    t.after(reviews.close);
    const web = createTestWeb({ urls: { ...shop.urls, reviews: reviews.url }, callTimeoutMs });
    t.after(web.close);

    const { body } = await web.query(page);

    const nodes = nodesOf(body);
    assert.equal(nodes.length, 20);
    assert.deepEqual(nodes[0], { sku: 'p1', availability: { inStock: true }, rating: null, reviews: null });
    checkErrors(body.errors, 'reviews', code);
  });
}

function* hundredMegabytes() {
  yield `${head}Content-Length: 100000000\r\n\r\n`;
  const megabyte = Buffer.alloc(1_000_000, ' ');
  for (let sent = 0; sent < 100; sent += 1) yield megabyte;
}

test('a hundred products whose reviews fail are a hundred errors and a whole page', async (t) => {
  const web = createTestWeb(shop);
  t.after(web.close);
  shop.setFault('reviews', 'fail');

  const { body } = await web.query('{ products(first: 100) { edges { node { sku rating { count } } } } }');

  assert.equal(body.data.products.edges.length, 45);
  assert.equal(body.errors.length, 45);
});

test('when the time of the request is over, what is not there yet is an error that says so', async (t) => {
  const web = createTestWeb(shop);
  t.after(web.close);
  shop.setFault('catalog', 'hang');

  const { body } = await web.query(page).set('Portico-Timeout-Ms', '50');

  assert.equal(body.data, null);
  checkErrors(body.errors, 'catalog', 'REQUEST_TIMEOUT');
});

test('when the client goes away, the calls made for it end', async (t) => {
  const web = createTestWeb(shop);
  t.after(web.close);
  shop.setFault('catalog', 'hang');
  const called = once(shop.events, 'call');
  const cancelled = once(shop.events, 'cancelled');
  const server = web.app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const leaving = new AbortController();
  const asked = fetch(`http://127.0.0.1:${port}/graphql?query=${encodeURIComponent(page)}`, {
    signal: leaving.signal,
  });

  const [call] = await called;
  leaving.abort();

  await assert.rejects(asked, { name: 'AbortError' });
  assert.deepEqual(await cancelled, [call]);
});

test('an error that nobody expected is masked, and found in the log by the id of the request', async (t) => {
  const lines: string[] = [];
  const log = createLogger({
    name: 'web',
    level: 'error',
    destination: { write: (line) => lines.push(line) },
  });
  const failing = {
    loader: () => ({ load: async () => ({}) }),
    get: async () => {
      throw new TypeError('db-7.internal: password "x" is wrong');
    },
  };
  const web = createTestWeb({ ...shop, log, overrides: { catalog: failing as never } });
  t.after(web.close);

  const { body } = await web.query('{ categories { name } }').set('X-Request-Id', 'request-4711');

  assert.equal(body.data, null);
  assert.deepEqual(body.errors[0].extensions, { code: 'INTERNAL', requestId: 'request-4711' });
  assert.doesNotMatch(JSON.stringify(body), /db-7|password|TypeError/);
  const logged = lines.map((line) => JSON.parse(line)).find(({ requestId }) => requestId === 'request-4711');
  assert.match(logged.err.message, /db-7/);
});

test('the address of a service may end with a slash', async (t) => {
  const web = createTestWeb({ urls: { ...shop.urls, catalog: `${shop.urls.catalog}/` } });
  t.after(web.close);
  const { body } = await web.query('{ product(sku: "p1") { name } }');
  assert.equal(body.data.product.name, 'Product 1');
});
