import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestBytes, startTestGateway, statusOf } from '../test-gateway.fixture.ts';

const chunks = '1\r\nx\r\n0\r\n\r\n';

test('a head that can be read in two ways is refused, and the connection ends', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  const heads: Record<string, [status: number, bytes: string]> = {
    'two hosts': [400, 'GET /graphql HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n'],
    'a host with a path': [400, 'GET /graphql HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    'a host with a user': [400, 'GET /graphql HTTP/1.1\r\nHost: a@b\r\n\r\n'],
    'HTTP/2.0 in the request line': [400, 'GET /graphql HTTP/2.0\r\nHost: a\r\n\r\n'],
    'chunks in HTTP/1.0': [400, `POST /graphql HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`],
    'a coding before the chunks': [
      501,
      `POST /graphql HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n${chunks}`,
    ],
    'two transfer codings': [
      400,
      `POST /graphql HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
    ],
    'a length and chunks': [
      400,
      `POST /graphql HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n${chunks}`,
    ],
    'a length twice': [
      400,
      'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc',
    ],
    'a folded field': [400, 'GET /graphql HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n'],
    'a space before the colon': [400, 'GET /graphql HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n'],
    'a type given twice': [
      400,
      requestBytes('POST /graphql', ['Content-Type: application/json', 'Content-Type: text/plain']),
    ],
  };
  for (const [name, [status, bytes]] of Object.entries(heads)) {
    assert.equal(statusOf(await send(bytes)), status, name);
  }
  assert.deepEqual(upstream.requests, []);
});

test('a request with a hundred fields is refused', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  const fields = (count: number) => Array.from({ length: count }, (_, index) => `A${index}: b`);
  assert.equal(statusOf(await send(requestBytes('GET /graphql', fields(97)))), 200);
  assert.equal(statusOf(await send(requestBytes('GET /graphql', fields(98)))), 431);
  assert.equal(upstream.requests.length, 1);
});

test('a WebSocket handshake is refused; an offer of HTTP/2 is passed over', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  const upgrade = (protocol: string) =>
    `GET /graphql HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
  assert.equal(statusOf(await send(upgrade('websocket'))), 501);
  assert.equal(upstream.requests.length, 0);

  assert.equal(statusOf(await send(upgrade('h2c'))), 200);
  assert.ok(!upstream.requests[0]?.fields.some(([name]) => name === 'upgrade'));
});

test('a request that has been through this gateway is refused; one through another is not', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  assert.equal(statusOf(await send(requestBytes('GET /graphql', ['Via: 1.1 other, 1.1 portico-test']))), 400);
  assert.deepEqual(upstream.requests, []);
  assert.equal(statusOf(await send(requestBytes('GET /graphql', ['Via: 1.1 other']))), 200);
});
