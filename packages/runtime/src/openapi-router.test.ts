import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenApiDocument } from '@portico/contracts/openapi.ts';
import supertest from 'supertest';
import { createHttpApp } from './http-app.ts';
import { silentLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { createOpenApiRouter } from './openapi-router.ts';
import { Problem } from './problems.ts';

const thing = {
  type: 'object',
  required: ['id'],
  additionalProperties: false,
  properties: { id: { type: 'string' }, size: { $ref: '#/components/schemas/Size' } },
};
const json = (schema: object) => ({ 'application/json': { schema } });
const document = {
  openapi: '3.1.0',
  info: { title: 'Things', version: '1' },
  components: { schemas: { Size: { type: 'integer', minimum: 1 }, Thing: thing }, responses: {} },
  paths: {
    '/things': {
      get: {
        operationId: 'listThings',
        parameters: [
          { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 } },
          {
            name: 'ids',
            in: 'query',
            schema: { type: 'array', maxItems: 2, items: { type: 'string', pattern: '^t' } },
          },
          { name: 'sold', in: 'query', schema: { type: 'boolean' } },
        ],
        responses: { '200': { description: 'ok', content: json({ type: 'object' }) } },
      },
      post: {
        operationId: 'addThing',
        parameters: [
          { name: 'Idempotency-Key', in: 'header', required: true, schema: { type: 'string', minLength: 3 } },
        ],
        requestBody: { required: true, content: json({ $ref: '#/components/schemas/Thing' }) },
        responses: { '201': { description: 'made', content: json({ $ref: '#/components/schemas/Thing' }) } },
      },
    },
    '/things/{id}': {
      get: {
        operationId: 'getThing',
        parameters: [
          { name: 'id', in: 'path', required: true, schema: { type: 'string', pattern: '^t[0-9]+$' } },
        ],
        responses: { '200': { description: 'ok', content: json({ $ref: '#/components/schemas/Thing' }) } },
      },
    },
  },
} as unknown as OpenApiDocument;

interface Operations {
  listThings: {
    parameters: { query?: { limit?: number; ids?: string[]; sold?: boolean } };
    responses: { 200: { content: { 'application/json': object } } };
  };
  addThing: {
    requestBody: { content: { 'application/json': { id: string; size?: number } } };
    responses: { 201: { content: { 'application/json': object } } };
  };
  getThing: {
    parameters: { path: { id: string } };
    responses: { 200: { content: { 'application/json': object } } };
  };
}

function things({ validateAnswers = true } = {}) {
  const router = createOpenApiRouter<Operations>(
    document,
    {
      listThings: ({ query }) => ({ body: query }),
      addThing: ({ body, headers }) => ({
        status: 201,
        body,
        headers: { 'X-Key': String(headers['idempotency-key']) },
      }),
      getThing: ({ path }) => {
        if (path.id === 't404') throw new Problem('not-found', 'No such thing.');
        return { body: path.id === 't13' ? { id: 13 } : { id: path.id } };
      },
    },
    { validateAnswers, maxBodyBytes: 1_000 },
  );
  return supertest(
    createHttpApp({ log: silentLogger, metrics: createMetrics('test'), timeoutMs: 5_000 }, (app) =>
      app.use(router),
    ),
  );
}

async function refusal(request: supertest.Test, status: number): Promise<string> {
  const answer = await request;
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/);
  assert.equal(answer.body.status, status);
  assert.equal(answer.body.requestId, answer.headers['x-request-id']);
  return answer.body.detail;
}

test('parameters arrive in the types of the document, with its defaults', async () => {
  const answer = await things().get('/things?ids=t1,t2&sold=false').expect(200);
  assert.deepEqual(answer.body, { limit: 20, ids: ['t1', 't2'], sold: false });
});

test('a parameter outside its bounds is refused by name', async () => {
  for (const limit of ['0', '-1', '1000000000', 'abc', '1e1', '1.0', '0x10', '']) {
    assert.match(await refusal(things().get(`/things?limit=${limit}`), 400), /"limit"/, limit);
  }
  assert.match(await refusal(things().get('/things?ids=t1,t2,t3'), 400), /"ids"/);
  assert.match(await refusal(things().get('/things?ids=t1,%00'), 400), /"ids"/);
});

test('a parameter that is unknown or given twice is refused by name', async () => {
  assert.match(
    await refusal(things().get('/things?limti=1'), 400),
    /no query parameter "limti".*limit, ids, sold/,
  );
  assert.match(
    await refusal(things().get('/things?limit=1&limit=2'), 400),
    /"limit" was given more than once/,
  );
});

test('a path that names nothing is a 404, whatever it is made of', async () => {
  for (const path of [
    '/things/t404',
    '/things/x',
    '/things/t1%00',
    '/things/t1/',
    '/Things',
    '/things/t1/more',
  ]) {
    await refusal(things().get(path), 404);
  }
  await refusal(things().get('/things/%ff'), 400);
});

test('another method is refused with the ones there are', async () => {
  const answer = await things().delete('/things').expect(405);
  assert.equal(answer.headers.allow, 'GET, HEAD, POST');
  await refusal(things().options('/things/t1'), 405);
  await things().head('/things').expect(200);
});

test('a body arrives validated, with the header parameters', async () => {
  const answer = await things()
    .post('/things')
    .set('Idempotency-Key', 'key-1')
    .send({ id: 't1', size: 2 })
    .expect(201);
  assert.deepEqual(answer.body, { id: 't1', size: 2 });
  assert.equal(answer.headers['x-key'], 'key-1');
});

test('a body that is not what the document says is refused with the place', async () => {
  const post = () => things().post('/things').set('Idempotency-Key', 'key-1');
  assert.match(await refusal(post().send({ id: 't1', size: 0 }), 400), /"\/size"/);
  assert.match(await refusal(post().send({ id: 't1', colour: 'red' }), 400), /additional/);
  assert.match(await refusal(post().send([]), 400), /object/);
  assert.match(await refusal(post().type('json').send('{"id":'), 400), /not valid JSON/);
  assert.match(await refusal(post().type('json').send('null'), 400), /JSON/);
  await refusal(
    post()
      .type('json')
      .send('['.repeat(400) + ']'.repeat(400)),
    400,
  );
  await refusal(post().type('json').send('[['.repeat(5_000)), 413);
  await refusal(post().type('text/plain').send('{}'), 415);
  await refusal(post().type('form').send({ id: 't1' }), 415);
  await refusal(post().set('Content-Encoding', 'gzip').type('json').send('{}'), 415);
  await refusal(post(), 415);
});

test('a list comes as a value for each item where the document says so, and a path may be written in any way', async () => {
  const asked = {
    operationId: 'ask',
    parameters: [
      { name: 'order-id', in: 'path', required: true, schema: { type: 'string' } },
      { name: 'tag', in: 'query', explode: true, schema: { type: 'array', items: { type: 'integer' } } },
    ],
    requestBody: { content: json({ type: 'object' }) },
    responses: { '200': { description: 'ok' } },
  };
  const other = { ...document, paths: { '/orders(old)/{order-id}:ask': { post: asked } } } as typeof document;
  const router = createOpenApiRouter<{ ask: unknown }>(other, {
    ask: ({ path, query, body }) => ({ body: { path, query, body: body ?? 'none' } as never }),
  });
  const app = createHttpApp(
    { log: silentLogger, metrics: createMetrics('test'), timeoutMs: 5_000 },
    (mounted) => mounted.use(router),
  );
  const post = (query: string) => supertest(app).post(`/orders(old)/o1:ask${query}`);
  assert.deepEqual((await post('?tag=1&tag=2').expect(200)).body, {
    path: { 'order-id': 'o1' },
    query: { tag: [1, 2] },
    body: 'none',
  });
  assert.deepEqual((await post('?tag=1').send({ a: 1 }).expect(200)).body.body, { a: 1 });
  assert.match(await refusal(post('?tag=1,2'), 400), /"tag"/);
  await refusal(post('').type('text/plain').send('{}'), 415);
  await refusal(supertest(app).post('/orders(old)/o1'), 404);
});

test('a missing header parameter is refused by name', async () => {
  assert.match(
    await refusal(things().post('/things').send({ id: 't1' }), 400),
    /header "Idempotency-Key" is missing/,
  );
});

test('an answer that the document does not allow is a 500 where answers are validated', async () => {
  const detail = await refusal(things().get('/things/t13'), 500);
  assert.doesNotMatch(detail, /getThing/);
  await things({ validateAnswers: false }).get('/things/t13').expect(200, { id: 13 });
});

test('a document whose operation has no handler can not be served', () => {
  assert.throws(() => createOpenApiRouter(document, {}), /no handler for operation listThings/);
});
