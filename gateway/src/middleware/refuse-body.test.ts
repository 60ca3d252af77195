import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { httpAnswer } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { requestBytes, startTestGateway, statusOf } from '../test-gateway.fixture.ts';

const json = { 'Content-Type': 'application/json' };

test('a body at the limit arrives whole; one above it is a 413', async (t) => {
  const { url, upstream } = await startTestGateway(t, async function* (received) {
    await received.body;
    yield httpAnswer(200);
  });
  const body = 'x'.repeat(1_000_000);
  await request(url).post('/graphql').set(json).send(body).expect(200);
  assert.ok((await upstream.requests[0]?.body) === body);

  const refused = await request(url).post('/graphql').set(json).send(`${body}x`).expect(413);
  assert.equal(refused.body.type, 'urn:portico:problem:payload-too-large');
  assert.equal(upstream.requests.length, 1);
});

test('a body that is announced too large is refused before it comes', async (t) => {
  const { port } = await startTestGateway(t);
  const headers = { ...json, 'Content-Length': Number.MAX_SAFE_INTEGER };
  const sending = httpRequest({ port, host: '127.0.0.1', method: 'POST', path: '/graphql', headers });
  sending.flushHeaders();
  const [answer] = await once(sending, 'response');
  assert.equal(answer.statusCode, 413);
  sending.on('error', () => {});
  sending.destroy();
});

test('a body without a length is counted while it is forwarded', async (t) => {
  const { port, upstream } = await startTestGateway(t, () => []);
  const sending = httpRequest({ port, host: '127.0.0.1', method: 'POST', path: '/graphql', headers: json });
  const arriving = upstream.next();
  const answered = once(sending, 'response');
  sending.write('x'.repeat(600_000));
  const arrived = await arriving;
  sending.end('x'.repeat(600_000));
  const [answer] = await answered;
  // What the test leaves open is broken off at its end.
  sending.on('error', () => {});
  assert.equal(answer.statusCode, 413);
  assert.equal(await arrived.body, undefined);
});

test('a body in chunks arrives whole, in chunks', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  const chunked = requestBytes(
    'POST /graphql',
    ['Transfer-Encoding: chunked'],
    '3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n',
  );
  assert.equal(statusOf(await send(chunked)), 200);
  const [received] = upstream.requests;
  const body = await received?.body;
  assert.equal(body?.replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, '').trim(), '{"a":1}');
  assert.ok(!received?.fields.some(([name]) => name === 'content-length'));
});

test('a GET with a body is refused, so that nothing hides in it', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  const hidden = requestBytes('GET /secret');
  const withLength = requestBytes('GET /graphql', [`Content-Length: ${hidden.length}`], hidden);
  const inChunks = requestBytes('GET /graphql', ['Transfer-Encoding: chunked'], '1\r\nx\r\n0\r\n\r\n');
  for (const bytes of [withLength, inChunks]) assert.equal(statusOf(await send(bytes)), 400);
  assert.deepEqual(upstream.requests, []);

  const empty = requestBytes('GET /graphql', ['Content-Length: 0']);
  assert.equal(statusOf(await send(empty)), 200);
});

test('a client that waits for 100 Continue gets it, and its body arrives', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  const answer = await send(
    requestBytes('POST /graphql', ['Expect: 100-continue', 'Content-Length: 2'], '{}'),
  );
  assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  assert.equal(await upstream.requests[0]?.body, '{}');
});
