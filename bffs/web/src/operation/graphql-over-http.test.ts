import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import request, { type Response } from 'supertest';
import { createTestWeb, type TestWeb } from '../web-bff.fixture.ts';

let shop: ShopServices;
let web: TestWeb;
before(async () => {
  shop = await startShopServices();
  web = createTestWeb(shop);
});
after(async () => {
  await web.close();
  await shop.close();
});

const query = '{ product(sku: "p1") { name } }';
const found = { data: { product: { name: 'Product 1' } } };
const post = () => request(web.app).post('/graphql');
/** Sends these bytes as they are. */
const sendBytes = (type: string, body: string | Buffer) =>
  post()
    .set('Content-Type', type)
    .serialize((bytes) => bytes)
    .send(body);
const standard = 'application/graphql-response+json; charset=utf-8';
const legacy = 'application/json; charset=utf-8';

function checkProblem({ status, headers, body }: Response, expected: number, detail: RegExp) {
  assert.equal(status, expected, JSON.stringify(body));
  assert.match(String(headers['content-type']), /^application\/problem\+json/);
  assert.match(body.type, /^urn:portico:problem:/);
  assert.match(body.detail, detail);
  assert.equal(body.requestId, headers['x-request-id']);
}

test('a query comes by POST, with its variables and the name of its operation', async () => {
  const { status, headers, body } = await post().send({
    query: `query A { me { id } } query B($sku: String!) { product(sku: $sku) { name } }`,
    variables: { sku: 'p1' },
    operationName: 'B',
    extensions: {},
  });
  assert.equal(status, 200);
  assert.deepEqual(body, found);
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['access-control-allow-origin'], undefined);
});

test('a query comes by GET as well', async () => {
  const { status, headers, body } = await request(web.app).get('/graphql').query({
    query: 'query A { me { id } } query B($sku: String!) { product(sku: $sku) { name } }',
    variables: '{"sku":"p1"}',
    operationName: 'B',
    extensions: '',
  });
  assert.equal(status, 200);
  assert.deepEqual(body, found);
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal((await request(web.app).head('/graphql').query({ query })).status, 200);
});

test('null and empty parameters are as good as none', async () => {
  const { body } = await post().send({ query, variables: null, operationName: null, extensions: null });
  assert.deepEqual(body, found);
  assert.deepEqual((await post().send({ query, operationName: '' })).body, found);
});

test('the answer has the type that the client likes best', async () => {
  const typeFor = async (accept: string) =>
    (await post().set('Accept', accept).send({ query })).headers['content-type'];
  assert.equal(await typeFor('application/graphql-response+json'), standard);
  assert.equal(await typeFor('application/graphql-response+json, application/json;q=0.9'), standard);
  assert.equal(await typeFor('application/json'), legacy);
  assert.equal(await typeFor('*/*'), legacy);
  assert.equal(await typeFor('text/html'), legacy);
  const { headers } = await post().send({ query });
  assert.match(String(headers.vary), /\bAccept\b/);
});

test('an operation that can not be executed is a 400, or a 200 for those who only know application/json', async () => {
  const refusedOperations = [
    { query: '{', code: 'GRAPHQL_PARSE_FAILED' },
    { query: '', code: 'GRAPHQL_PARSE_FAILED' },
    { query: '{ nothing }', code: 'GRAPHQL_VALIDATION_FAILED' },
    { query: 'mutation { placeOrder }', code: 'GRAPHQL_VALIDATION_FAILED' },
    { query, operationName: 'Other', code: 'OPERATION_RESOLUTION_FAILURE' },
    { query: 'fragment F on Product { sku }', code: 'OPERATION_RESOLUTION_FAILURE' },
    { query: 'query A { me { id } } query B { me { id } }', code: 'OPERATION_RESOLUTION_FAILURE' },
    {
      query: 'query ($n: Int) { products(first: $n) { edges { cursor } } }',
      variables: { n: 'x' },
      code: 'BAD_USER_INPUT',
    },
    { query: 'query ($s: String!) { product(sku: $s) { sku } }', code: 'BAD_USER_INPUT' },
  ];
  for (const { code, ...operation } of refusedOperations) {
    const answer = await post().accept('application/graphql-response+json').send(operation);
    assert.equal(answer.status, 400, operation.query);
    assert.equal(answer.headers['content-type'], standard);
    assert.equal(answer.body.errors[0].extensions.code, code, operation.query);
    assert.equal('data' in answer.body, false);
    const tolerant = await post().accept('application/json').send(operation);
    assert.equal(tolerant.status, 200, operation.query);
    assert.deepEqual(tolerant.body, answer.body);
  }
});

test('a mutation by GET is a 405 whatever the client accepts', async () => {
  for (const accept of ['application/json', 'application/graphql-response+json']) {
    const answer = await request(web.app)
      .get('/graphql')
      .query({ query: 'mutation { x }' })
      .set('Accept', accept);
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.allow, 'POST');
    assert.equal(answer.body.errors[0].extensions.code, 'BAD_REQUEST');
  }
});

test('a body of another type is a 415, above all one that a form can send', async () => {
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/graphql',
    'application/graphql+json',
    'application/json; charset=utf-16',
    'application/json, text/plain',
    'text/plain; application/json',
  ];
  const body = JSON.stringify({ query });
  for (const type of types) checkProblem(await sendBytes(type, body), 415, /application\/json/);
  assert.deepEqual((await sendBytes('Application/JSON ; charset="UTF-8"', body)).body, found);
});

test('a compressed body is a 415, so that no small one becomes a large one', async () => {
  const answer = await post()
    .set('Content-Type', 'application/json')
    .set('Content-Encoding', 'gzip')
    .send('x');
  checkProblem(answer, 415, /uncompressed/);
});

test('a body of more than 100 kB is a 413', async () => {
  for (const bytes of [100_001, 10_000_000]) {
    const answer = await post()
      .set('Content-Type', 'application/json')
      .send(JSON.stringify('x'.repeat(bytes)));
    checkProblem(answer, 413, /larger/);
  }
});

test('a body that holds no operation is a 400 that says what it should hold', async () => {
  const bodies: [string | Buffer, RegExp][] = [
    ['', /empty/],
    ['{', /not valid JSON/],
    ['{"query":', /not valid JSON/],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), /not valid UTF-8/],
    ['null', /must be a JSON object/],
    ['"{ me { id } }"', /must be a JSON object/],
    [`[{"query":"${query.replaceAll('"', '\\"')}"}]`, /must be a JSON object/],
    ['['.repeat(10_000) + ']'.repeat(10_000), /must be a JSON object/],
    ['{}', /"query" must be a string, got nothing/],
    ['{"query":null}', /"query" must be a string, got nothing/],
    ['{"query":["{ me { id } }"]}', /"query" must be a string, got an array/],
    ['{"query":1}', /"query" must be a string, got a value of type number/],
    ['{"query":"{ me { id } }","variables":[]}', /"variables" must be an object or null, got an array/],
    ['{"query":"{ me { id } }","variables":"{}"}', /"variables" must be an object or null/],
    ['{"query":"{ me { id } }","operationName":1}', /"operationName" must be a string or null/],
    ['{"query":"{ me { id } }","extensions":[]}', /"extensions" must be an object or null/],
    ['{"query":"{ me { id } }","id":"1"}', /There is no parameter "id"/],
    ['{"query":"{ me { id } }","__proto__":{"a":1}}', /There is no parameter "__proto__"/],
  ];
  for (const [body, detail] of bodies) {
    checkProblem(await sendBytes('application/json', body), 400, detail);
  }
});

test('a query string that holds no operation is a 400', async () => {
  const bad: [string, RegExp][] = [
    ['', /"query" must be a string, got nothing/],
    ['?', /"query" must be a string, got nothing/],
    ['?query=', /"query" must be a string, got nothing/],
    ['?query=a&query=b', /given more than once/],
    ['?query=%7Bme%7D&variables=%7B', /"variables" is not valid JSON/],
    ['?query=%7Bme%7D&variables=1', /"variables" must be an object or null/],
    ['?query=%7Bme%7D&doc=1', /There is no parameter "doc"/],
    ['?query=%ff', /not valid percent-encoded UTF-8/],
    ['?query=%', /not valid percent-encoded UTF-8/],
  ];
  for (const [search, detail] of bad)
    checkProblem(await request(web.app).get(`/graphql${search}`), 400, detail);
});

test('a zero byte in a document is a syntax error', async () => {
  const { body } = await request(web.app).get('/graphql?query=%7B%00%7D');
  assert.equal(body.errors[0].extensions.code, 'GRAPHQL_PARSE_FAILED');
});

test('other methods are a 405, and a preflight gets no permission', async () => {
  for (const method of ['put', 'delete', 'patch', 'options'] as const) {
    const answer = await request(web.app)[method]('/graphql').set('Origin', 'https://evil.example');
    checkProblem(answer, 405, /use GET or POST/);
    assert.equal(answer.headers.allow, 'GET, HEAD, POST');
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  }
});

test('there is nothing at other paths', async () => {
  for (const path of ['/', '/graphql/', '/GraphQL', '/graphql/x', '/graphql%00', '/%ff', '/health']) {
    checkProblem(await request(web.app).get(path).query({ query }), 404, /No endpoint/);
  }
});

test('a message does not repeat without end what it was sent', async () => {
  const long = 'x'.repeat(90_000);
  for (const operation of [
    { query: `{ ${long} }` },
    { query: `{ product(sku: 1 ${long}` },
    { query: 'query ($n: Int) { products(first: $n) { edges { cursor } } }', variables: { n: long } },
    { query, operationName: long },
  ]) {
    const { text } = await post().send(operation);
    assert.ok(text.length < 2_000, text.slice(0, 200));
    JSON.parse(text);
  }
});

test('a body that ends too early is refused, and one that is cut off harms nobody', async (t) => {
  const server = web.app.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const arrived = once(server, 'request');
  socket.write(
    'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"query"',
  );
  const [, res] = await arrived;
  socket.destroy();
  await once(res, 'close');
  assert.deepEqual((await post().send({ query })).body, found);
});
