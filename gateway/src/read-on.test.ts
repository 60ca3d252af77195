import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { httpAnswer } from '@portico/testing/scripted-server.ts';
import { requestBytes, startTestGateway, statusOf } from './test-gateway.fixture.ts';

const big = 10_000_000;

test('a client that sends all of a refused body before it looks gets the refusal, then the connection ends', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  for (const [path, status] of [
    ['/graphql', 413],
    ['/nowhere', 404],
  ] as const) {
    const answer = await send(requestBytes(`POST ${path}`, [`Content-Length: ${big}`], 'x'.repeat(big)));
    assert.equal(statusOf(answer), status);
  }
  assert.equal(upstream.requests.length, 0);
});

test('a kept connection goes on behind a refused body', async (t) => {
  const { send } = await startTestGateway(t);
  const refused = `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: ${big}\r\n\r\n${'x'.repeat(big)}`;
  const answers = await send(refused + requestBytes('GET /graphql'));
  assert.deepEqual(answers.match(/^HTTP\/1\.1 \d+/gm), ['HTTP/1.1 413', 'HTTP/1.1 200']);
});

test('a kept connection goes on behind a body that was refused while it was forwarded', async (t) => {
  const { send, upstream } = await startTestGateway(t, ({ method }) =>
    method === 'GET' ? [httpAnswer(200)] : [],
  );
  const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`;
  const refused = `POST /graphql HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(8)}0\r\n\r\n`;
  const answers = await send(refused + requestBytes('GET /graphql'));
  assert.deepEqual(answers.match(/^HTTP\/1\.1 \d+/gm), ['HTTP/1.1 413', 'HTTP/1.1 200']);
  assert.equal(upstream.requests.length, 2);
});

test('a client that is still sending when the answer comes can send the rest', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { port, send } = await startTestGateway(t, () => [httpAnswer(422, 'no')]);
  const client = connect(port, '127.0.0.1').setEncoding('latin1');
  const closed = once(client, 'close');
  client.write(requestBytes('POST /graphql', ['Content-Length: 4'], 'ha'));
  let answer = '';
  while (!answer.endsWith('no')) answer += (await once(client, 'data'))[0];
  assert.equal(statusOf(answer), 422);
  // By the time that another request is answered, an ended connection would have been noticed.
  await send(requestBytes('GET /nowhere'));
  assert.equal(client.readableEnded, false);
  client.write('lf');
  await closed;
});

test('a kept connection outlives an answer that began before the body had come', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { port } = await startTestGateway(t, async function* ({ body }) {
    yield 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfi';
    await body;
    yield 'rst';
  });
  const client = connect(port, '127.0.0.1').setEncoding('latin1');
  const until = async (ending: string) => {
    for (let text = ''; !text.endsWith(ending); ) text += (await once(client, 'data'))[0];
  };
  const head = 'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n';
  for (let count = 0; count < 2; count += 1) {
    client.write(`${head}ha`);
    await until('fi');
    client.write('lf');
    await until('rst');
    t.mock.timers.tick(2_000);
  }
  client.destroy();
});

test('a refused body that never ends is not waited for', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { port } = await startTestGateway(t);
  const client = connect(port, '127.0.0.1');
  client.write(`POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: ${big}\r\n\r\nx`);
  const [answer] = await once(client, 'data');
  assert.equal(statusOf(String(answer)), 404);
  t.mock.timers.tick(2_000);
  await once(client, 'close');
});
