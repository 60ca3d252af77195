import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { httpAnswer } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { requestBytes, startTestGateway, statusOf } from '../test-gateway.fixture.ts';

test('an answer comes back without what concerns only the way to the upstream, or tells what runs there', async (t) => {
  const script = () => [
    httpAnswer(200, '{}', {
      'Content-Type': 'application/json',
      ETag: '"x"',
      'Server-Timing': 'downstream;desc="calls=1";dur=2',
      'Set-Cookie': ['a=1', 'b=2'],
      Connection: 'keep-alive, X-Hop',
      'X-Hop': '1',
      'Keep-Alive': 'timeout=99',
      'Proxy-Authenticate': 'Basic',
      Trailer: 'X-T',
      Upgrade: 'h2c',
      Server: 'secret',
      'X-Powered-By': 'secret',
      Via: '1.1 secret',
      'X-Request-Id': 'not-ours',
    }),
  ];
  const { url } = await startTestGateway(t, script);
  const { headers } = await request(url).get('/graphql').set('X-Request-Id', 'of-the-client').expect(200);
  assert.equal(headers.etag, '"x"');
  assert.equal(headers['server-timing'], 'downstream;desc="calls=1";dur=2');
  assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
  assert.equal(headers['x-request-id'], 'of-the-client');
  const left = ['x-hop', 'proxy-authenticate', 'trailer', 'upgrade', 'server', 'x-powered-by', 'via'];
  for (const name of left) assert.equal(headers[name], undefined, name);
  assert.notEqual(headers['keep-alive'], 'timeout=99');
});

test('every answer carries the security fields, whatever the upstream says', async (t) => {
  const insecure = {
    'X-Content-Type-Options': 'x',
    'X-Frame-Options': 'ALLOWALL',
    'Referrer-Policy': 'unsafe-url',
  };
  const { url, upstream } = await startTestGateway(t, () => [httpAnswer(200, '', insecure)]);
  for (const path of ['/graphql', '/nowhere', '/api/v1/a;b']) {
    await request(url)
      .get(path)
      .expect('X-Content-Type-Options', 'nosniff')
      .expect('X-Frame-Options', 'DENY')
      .expect('Referrer-Policy', 'strict-origin-when-cross-origin')
      .expect('Cross-Origin-Opener-Policy', 'same-origin')
      .expect('Cross-Origin-Resource-Policy', 'same-origin')
      .expect('Content-Security-Policy', /^default-src 'self'; .*frame-ancestors 'none'/);
  }
  upstream.behave(() => [httpAnswer(200, '', { 'Content-Security-Policy': "script-src 'self'" })]);
  await request(url).get('/graphql').expect('Content-Security-Policy', "script-src 'self'");
});

test('a compressed body and a problem of the upstream come back as they are', async (t) => {
  const zipped = gzipSync('{"data":{}}');
  const script = () => [
    httpAnswer(503, zipped, { 'Content-Type': 'application/problem+json', 'Content-Encoding': 'gzip' }),
  ];
  const { send } = await startTestGateway(t, script);
  const answer = await send(requestBytes('GET /api/v1/home'));
  assert.equal(statusOf(answer), 503);
  assert.match(answer, /\r\nContent-Type: application\/problem\+json\r\n/);
  assert.equal(answer.slice(answer.indexOf('\r\n\r\n') + 4), zipped.toString('latin1'));
});

test('HEAD, 204 and 304 have no body', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  const bodyless: [string, string, RegExp][] = [
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n', /\r\nContent-Length: 11\r\n/],
    ['GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', /^(?!.*content-length).*/is],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', /\r\nETag: "x"\r\n/],
  ];
  for (const [method, bytes, head] of bodyless) {
    upstream.behave(() => [bytes]);
    const answer = await send(requestBytes(`${method} /api/v1/home`));
    assert.equal(statusOf(answer), Number(bytes.split(' ')[1]));
    assert.match(answer, head);
    assert.ok(answer.endsWith('\r\n\r\n'), answer);
  }
});

test('a 100 that an upstream sends unasked is swallowed', async (t) => {
  const early = 'HTTP/1.1 100 Continue\r\n\r\n';
  const { send } = await startTestGateway(t, () => [early, httpAnswer(200, 'ok')]);
  assert.match(await send(requestBytes('GET /graphql')), /^HTTP\/1\.1 200 OK\r\n/);
});

test('the reason phrase is the standard one', async (t) => {
  const { send } = await startTestGateway(t, () => [
    'HTTP/1.1 404 a\x01b<script>\r\nContent-Length: 0\r\n\r\n',
  ]);
  assert.match(await send(requestBytes('GET /graphql')), /^HTTP\/1\.1 404 Not Found\r\n/);
});

test('trailers end at the gateway', async (t) => {
  const chunks =
    'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n';
  const { send } = await startTestGateway(t, () => [chunks]);
  const answer = await send(requestBytes('GET /graphql'));
  assert.match(answer, /\r\n2\r\nok\r\n0\r\n\r\n$/);
  assert.doesNotMatch(answer, /x-t/i);
});
