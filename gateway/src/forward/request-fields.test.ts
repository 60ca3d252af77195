import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpAnswer } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { porticoTable, requestBytes, startTestGateway, statusOf } from '../test-gateway.fixture.ts';

test('an upstream gets what the route names and what the gateway knows, and nothing else', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  const answer = await send(
    requestBytes(
      'POST /graphql',
      [
        'Accept: application/json',
        'Accept: text/html',
        'Accept-Encoding: br',
        'Content-Type: application/json',
        'User-Agent: test',
        'Content-Length: 2',
        'Keep-Alive: timeout=5',
        'TE: trailers',
        'Trailer: X-T',
        'Proxy-Authorization: x',
        'Proxy-Connection: keep-alive',
        'Forwarded: for=1.2.3.4',
        'X-Forwarded-For: 1.2.3.4',
        'X-Forwarded-Host: evil.test',
        'X-Forwarded-Proto: https',
        'X-Forwarded-Prefix: /x',
        'X_Forwarded_For: 1.2.3.4',
        'X-Real-IP: 1.2.3.4',
        'Via: 1.1 other',
        'X-HTTP-Method-Override: DELETE',
        'X-Original-URL: /admin',
        'X-User-Id: root',
        'X-Auth-User: root',
        'Remote-User: root',
        'Authorization: Basic x',
        'Cookie: a=b',
        'Portico-Customer: c1',
        'Portico-Timeout-Ms: 5',
        'X-Custom: x',
      ],
      '{}',
    ),
  );
  assert.equal(statusOf(answer), 200);

  const {
    'x-request-id': requestId,
    traceparent,
    ...fields
  } = Object.fromEntries(upstream.requests[0]?.fields ?? []);
  assert.match(requestId ?? '', /^[0-9a-f]{32}$/);
  assert.match(traceparent ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  assert.deepEqual(fields, {
    accept: 'application/json, text/html',
    'accept-encoding': 'br',
    'content-type': 'application/json',
    'content-length': '2',
    'user-agent': 'test',
    connection: 'keep-alive',
    host: `127.0.0.1:${upstream.port}`,
    'portico-timeout-ms': '9900',
    via: '1.1 portico-test',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': 'portico.test',
    'x-forwarded-proto': 'http',
  });
});

test('behind https by publicUrl, upstreams are told so and the consistency cookie is for https alone', async (t) => {
  const told = async (publicUrl: string | undefined) => {
    const token = { 'Portico-Consistency': 'a.b', 'Content-Type': 'application/json' };
    const { url, upstream } = await startTestGateway(t, () => [httpAnswer(200, '{}', token)], {
      table: (to) => {
        const { oidc, routes, ...table } = porticoTable(to);
        const known = oidc && publicUrl !== undefined ? { ...oidc, publicUrl } : undefined;
        return { ...table, oidc: known, routes: routes.filter(({ endpoint }) => endpoint === undefined) };
      },
    });
    // Not by what the request says, nor by how it has come the last bit of its way.
    const answer = await request(url).get('/graphql').set('X-Forwarded-Proto', 'https').expect(200);
    const [cookie = ''] = answer.headers['set-cookie'] as unknown as string[];
    const fields = new Map(upstream.requests[0]?.fields);
    return [fields.get('x-forwarded-proto'), cookie.includes('; Secure')];
  };
  assert.deepEqual(await told('https://shop.test'), ['https', true]);
  assert.deepEqual(await told('http://localhost:8080'), ['http', false]);
  assert.deepEqual(await told(undefined), ['http', false]);
});

test('a field that Connection names ends at the gateway', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  const answer = await send(
    'GET /api/v1/home HTTP/1.1\r\nHost: a\r\nConnection: Close ,X-App-Version, Accept\r\nX-App-Version: 3\r\n\r\n',
  );
  assert.equal(statusOf(answer), 200);
  assert.ok(!upstream.requests[0]?.fields.some(([name]) => name === 'x-app-version'));
});

test('ids of a request and its trace are taken over; the state of another trace is not', async (t) => {
  const { url, upstream } = await startTestGateway(t);
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const received = () => new Map(upstream.requests.at(-1)?.fields);

  await request(url)
    .get('/api/v1/home')
    .set({
      'X-Request-Id': 'from-the-client',
      traceparent: `00-${trace}-00f067aa0ba902b7-01`,
      tracestate: 'a=1,b=2',
    })
    .expect('X-Request-Id', 'from-the-client');
  assert.equal(received().get('x-request-id'), 'from-the-client');
  assert.match(
    received().get('traceparent') ?? '',
    new RegExp(`^00-${trace}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`),
  );
  assert.equal(received().get('tracestate'), 'a=1,b=2');

  await request(url).get('/api/v1/home').set({ traceparent: 'nonsense', tracestate: 'a=1' });
  assert.equal(received().has('tracestate'), false);
});

test('a POST without a body has the length 0', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  assert.equal(statusOf(await send(requestBytes('POST /graphql'))), 200);
  assert.equal(new Map(upstream.requests[0]?.fields).get('content-length'), '0');
});
