import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterEach, mock, test } from 'node:test';
import type { OpenApiDocument } from '@portico/contracts/openapi.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { createTestContext } from '@portico/testing/context.ts';
import { createCallMetrics } from './call-metrics.ts';
import { createServiceClient, type ServiceClientOptions } from './service-client.ts';
import { ServiceError, type ServiceErrorKind } from './service-error.ts';

interface Paths {
  '/things': {
    get: {
      parameters: { query: { ids: string[]; first?: number } };
      responses: { 200: { content: { 'application/json': { items: { id: string }[] } } } };
    };
  };
  '/mine': { get: { responses: { 200: { content: { 'application/json': { id: string } } } } } };
  '/things/{id}': {
    get: {
      parameters: { path: { id: string } };
      responses: { 200: { content: { 'application/json': { id: string } } } };
    };
  };
}
const thing = {
  type: 'object',
  required: ['id'],
  additionalProperties: false,
  properties: { id: { type: 'string' } },
};
const ok = (schema: object) => ({
  '200': { description: 'ok', content: { 'application/json': { schema } } },
});
const document = {
  openapi: '3.1.0',
  info: { title: 'Things', version: '1' },
  components: { schemas: { Thing: thing }, responses: {} },
  paths: {
    '/things': {
      get: {
        operationId: 'listThings',
        parameters: [{ name: 'ids', in: 'query', 'x-portico-batch': 50, schema: { type: 'array' } }],
        responses: ok({
          type: 'object',
          required: ['items'],
          properties: { items: { type: 'array', items: { $ref: '#/components/schemas/Thing' } } },
        }),
      },
    },
    '/mine': {
      get: {
        operationId: 'getMine',
        security: [{ bearer: [] }],
        responses: ok({ $ref: '#/components/schemas/Thing' }),
      },
    },
    '/things/{id}': {
      get: { operationId: 'getThing', responses: ok({ $ref: '#/components/schemas/Thing' }) },
    },
  },
} as unknown as OpenApiDocument;

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  mock.timers.reset();
  for (const one of opened.splice(0)) await one.close();
});

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function service(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  opened.push({ close: () => server.closeAllConnections() }, { close: () => server.close() });
  return listening(server);
}

/** A service that answers with these bytes, whatever is asked. */
async function bytes(answer: string, { end = true } = {}): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      if (end) socket.end(answer);
      else socket.write(answer);
    });
  });
  opened.push({ close: () => server.close() });
  return listening(server);
}

function clientOf(baseUrl: string, options: Partial<ServiceClientOptions> = {}) {
  const metrics = createMetrics('test');
  const client = createServiceClient<Paths>(
    { service: 'things', baseUrl, document, random: () => 0, ...options },
    createCallMetrics(metrics),
  );
  opened.unshift({ close: () => client.destroy() });
  return { ...client, metrics };
}

const json = (res: ServerResponse, value: unknown, status = 200) =>
  res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));

async function failure(call: Promise<unknown>, kind: ServiceErrorKind): Promise<ServiceError> {
  const error = await call.then(
    () => assert.fail('the call did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ServiceError, String(error));
  assert.equal(error.kind, kind, `${error.message} ${String(error.cause)}`);
  assert.equal(error.service, 'things');
  return error;
}

test('a read sends its parameters, the ids of the request and the time that is left', async () => {
  const asked: IncomingMessage[] = [];
  const baseUrl = await service((req, res) => {
    asked.push(req);
    json(res, { items: [{ id: 'a' }] });
  });
  const context = createTestContext({ deadline: 1_500 });
  const client = clientOf(baseUrl, { now: () => 1_000 });
  const body = await client.get('/things', { query: { ids: ['a', 'b/ü'], first: 2 } }, { context });

  assert.deepEqual(body, { items: [{ id: 'a' }] });
  assert.equal(asked[0]?.url, '/things?ids=a,b%2F%C3%BC&first=2');
  assert.equal(asked[0]?.headers['x-request-id'], 'test-request');
  assert.equal(asked[0]?.headers.traceparent, context.traceparent);
  assert.equal(asked[0]?.headers['portico-timeout-ms'], '475');
  assert.equal(context.downstream.calls, 1);
});

test('the token of a user goes along where the document says that it takes one, and nowhere else', async () => {
  const asked: (string | undefined)[] = [];
  const client = clientOf(
    await service((req, res) => {
      asked.push(req.headers.authorization);
      json(res, { id: 'x' });
    }),
  );
  const identity = { subject: 'c1', name: 'Ada', roles: [], scopes: [], token: 'a.b.c' };
  const signedIn = createTestContext({ identity });
  await client.get('/mine', {}, { context: signedIn });
  await client.get('/mine', {}, { context: createTestContext() });
  await client.get('/things/{id}', { path: { id: 'x' } }, { context: signedIn });
  assert.deepEqual(asked, ['Bearer a.b.c', undefined, undefined]);
  assert.deepEqual([client.needsUser('/mine'), client.needsUser('/things/{id}')], [true, false]);
});

test('path parameters can not leave their segment', async () => {
  const asked: string[] = [];
  const client = clientOf(
    await service((req, res) => {
      asked.push(String(req.url));
      json(res, { id: 'x' });
    }),
  );
  await client.get('/things/{id}', { path: { id: '../admin?x=1#y' } }, { context: createTestContext() });
  assert.deepEqual(asked, ['/things/..%2Fadmin%3Fx%3D1%23y']);
});

test('the batch limit is the one that the document states', () => {
  const client = clientOf('http://127.0.0.1:1');
  assert.equal(client.batchLimit('/things'), 50);
  assert.equal(client.batchLimit('/things/{id}'), 1);
});

test('a refusal keeps its status and what the service said', async () => {
  const client = clientOf(await service((_req, res) => json(res, { detail: 'no such thing' }, 404)));
  const error = await failure(
    client.get('/things/{id}', { path: { id: 'x' } }, { context: createTestContext() }),
    'refused',
  );
  assert.deepEqual([error.status, error.detail], [404, 'no such thing']);
});

const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
const get = (client: ReturnType<typeof clientOf>, context = createTestContext()) =>
  client.get('/things/{id}', { path: { id: 'x' } }, { context });

for (const [name, answer, kind] of [
  ['HTML', 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>', 'bad-answer'],
  ['invalid JSON', `${head}Content-Length: 5\r\n\r\n{"id"`, 'bad-answer'],
  ['JSON of another shape', `${head}Content-Length: 4\r\n\r\n[42]`, 'bad-answer'],
  ['no body', `${head}Content-Length: 0\r\n\r\n`, 'bad-answer'],
  [
    'a redirect',
    'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n',
    'bad-answer',
  ],
  ['half a body', `${head}Content-Length: 500\r\n\r\n{"id":`, 'reset'],
  ['a cut chunk', `${head}Transfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\n`, 'reset'],
  ['garbage', 'what?\r\n\r\n', 'bad-answer'],
  ['nothing', '', 'reset'],
] as const) {
  test(`a service that answers ${name} gives a ${kind} error`, async () => {
    await failure(get(clientOf(await bytes(answer))), kind);
  });
}

test('a new member in an answer is no error, as services grow before their clients', async () => {
  const client = clientOf(await service((_req, res) => json(res, { id: 'x', colour: 'red' })));
  assert.equal((await get(client)).id, 'x');
});

test('an endless answer is cut at the limit', async () => {
  let sent = 0;
  const baseUrl = await service((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'application/json' });
    const more = () => {
      while (!res.destroyed && res.write('x'.repeat(65_536))) sent += 65_536;
    };
    res.on('drain', more);
    more();
  });
  await failure(get(clientOf(baseUrl, { maxAnswerBytes: 100_000, timeoutMs: 10_000 })), 'bad-answer');
  assert.ok(sent < 50_000_000, `${sent} bytes were sent`);
});

test('a service that hangs, before its head or after it, is given up in the time of the call', async () => {
  const silent = await service(() => {});
  await failure(get(clientOf(silent, { timeoutMs: 30 })), 'timeout');
  const stuck = await bytes(`${head}Content-Length: 500\r\n\r\n{"id":`, { end: false });
  await failure(get(clientOf(stuck, { timeoutMs: 30 })), 'timeout');
});

test('a call ends at the service too when nobody waits any more', async () => {
  const arrived = Promise.withResolvers<IncomingMessage>();
  const client = clientOf(await service((req) => arrived.resolve(req)), { timeoutMs: 60_000 });
  const gone = new AbortController();
  const call = get(client, createTestContext({ signal: gone.signal }));
  const { socket } = await arrived.promise;
  const closed = once(socket, 'close');
  gone.abort(new Error('client went away'));
  await failure(call, 'cancelled');
  await closed;
  await failure(get(client, createTestContext({ signal: gone.signal })), 'cancelled');
});

test('a signal of the caller is heard instead of the request that began the call', async () => {
  const arrived = Promise.withResolvers<ServerResponse>();
  const client = clientOf(await service((_req, res) => arrived.resolve(res)), { timeoutMs: 60_000 });
  const [request, shared] = [new AbortController(), new AbortController()];
  const context = createTestContext({ signal: request.signal, deadline: 0 });
  const call = client.get('/things/{id}', { path: { id: 'x' } }, { context, signal: shared.signal });
  const res = await arrived.promise;
  request.abort();
  json(res, { id: 'x' });
  assert.deepEqual(await call, { id: 'x' });
});

test('a read that failed is tried once more, and counted as the two calls that it was', async () => {
  let calls = 0;
  const baseUrl = await service((_req, res) => {
    calls += 1;
    if (calls === 1) res.destroy();
    else json(res, { id: 'x' });
  });
  const context = createTestContext();
  assert.deepEqual(await get(clientOf(baseUrl), context), { id: 'x' });
  assert.equal(context.downstream.calls, 2);
});

test('refusals, late answers and wrong ones are not tried again', async () => {
  let calls = 0;
  const counting =
    (listener: RequestListener): RequestListener =>
    (req, res) => {
      calls += 1;
      listener(req, res);
    };
  await failure(get(clientOf(await service(counting((_req, res) => json(res, {}, 404))))), 'refused');
  await failure(get(clientOf(await service(counting((_req, res) => json(res, []))))), 'bad-answer');
  await failure(get(clientOf(await service(counting(() => {})), { timeoutMs: 30 })), 'timeout');
  assert.equal(calls, 3);
});

test('a service that is down is not called for a second, then tried by one call, then used again', async () => {
  mock.timers.enable({ apis: ['Date'] });
  let healthy = false;
  let calls = 0;
  const baseUrl = await service((_req, res) => {
    calls += 1;
    if (healthy) json(res, { id: 'x' });
    else json(res, {}, 500);
  });
  const client = clientOf(baseUrl, { now: () => 0 });
  while (calls < 8) await assert.rejects(get(client), ServiceError);
  const before = calls;
  for (let n = 0; n < 20; n += 1) await failure(get(client), 'circuit-open');
  assert.equal(calls, before);

  mock.timers.tick(1_001);
  await assert.rejects(get(client), ServiceError);
  await failure(get(client), 'circuit-open');
  assert.equal(calls, before + 1);
  healthy = true;
  mock.timers.tick(1_001);
  assert.deepEqual(await get(client), { id: 'x' });
  assert.deepEqual(await get(client), { id: 'x' });
});

test('a service that refuses the trial call is up, and used again', async () => {
  mock.timers.enable({ apis: ['Date'] });
  let status = 500;
  const client = clientOf(await service((_req, res) => json(res, { id: 'x' }, status)), { now: () => 0 });
  for (let n = 0; n < 8; n += 1) await assert.rejects(get(client), ServiceError);
  await failure(get(client), 'circuit-open');
  mock.timers.tick(1_001);
  status = 404;
  await failure(get(client), 'refused');
  status = 200;
  assert.deepEqual(await get(client), { id: 'x' });
});

test('refusals and cancelled calls never open the circuit', async () => {
  const client = clientOf(await service((_req, res) => json(res, {}, 404)));
  for (let n = 0; n < 30; n += 1) await failure(get(client), 'refused');
  const context = createTestContext({ signal: AbortSignal.abort() });
  for (let n = 0; n < 30; n += 1) await failure(get(client, context), 'cancelled');
  await failure(get(client), 'refused');
});

test('a service that does not do what it is asked for is neither asked again nor left out for it', async () => {
  let calls = 0;
  const url = await service((_req, res) => {
    calls += 1;
    json(res, { detail: 'Not here.' }, 501);
  });
  const client = clientOf(url);
  for (let n = 0; n < 30; n += 1) {
    const { status, detail } = await failure(get(client), 'refused');
    assert.deepEqual([status, detail], [501, 'Not here.']);
  }
  assert.equal(calls, 30);
});

test('a service that can not be reached gives an unreachable error', async () => {
  const server = createTcpServer();
  const baseUrl = await listening(server);
  server.close();
  await once(server, 'close');
  await failure(get(clientOf(baseUrl)), 'unreachable');
});

test('calls and retries are measured by outcome', async () => {
  const client = clientOf(await service((_req, res) => json(res, {}, 500)));
  await failure(get(client), 'failed');
  const text = await client.metrics.registry.metrics();
  assert.match(
    text,
    /portico_service_call_duration_seconds_count\{.*service="things",outcome="failed".*\} 2/,
  );
  assert.match(text, /portico_service_call_retries_total\{.*service="things".*\} 1/);
});
