import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { createHttpServer } from './http-server.ts';

/** A client of a server with this handler. */
async function start(t: TestContext, handler: RequestListener): Promise<Socket> {
  return (await startBoth(t, handler))[0];
}

async function startBoth(
  t: TestContext,
  handler: RequestListener,
): Promise<[client: Socket, server: Socket]> {
  const server = createHttpServer({ handler, refusalFields: [['X-Frame-Options', 'DENY']] });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  t.after(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  const [accepted] = await once(server, 'connection');
  return [client, accepted];
}

const get = (target: string, ...fields: string[]) =>
  `${[`GET ${target} HTTP/1.1`, 'Host: a', ...fields].join('\r\n')}\r\n\r\n`;
const statuses = (answers: string) =>
  answers.match(/HTTP\/1\.1 \d{3}/g)?.map((line) => Number(line.slice(9)));

test('a pipelined request begins when the one before it is answered', async (t) => {
  const begun: [IncomingMessage, ServerResponse][] = [];
  const begin = Promise.withResolvers<void>();
  const client = await start(t, (req, res) => {
    begun.push([req, res]);
    if (begun.length === 1) begin.resolve();
    else res.end(req.url);
  });
  client.write(get('/1') + get('/2') + get('/3', 'Connection: close'));
  await begin.promise;
  assert.deepEqual(
    begun.map(([{ url }]) => url),
    ['/1'],
  );
  begun[0]?.[1].end('/1');
  assert.deepEqual(statuses(await text(client)), [200, 200, 200]);
  assert.deepEqual(
    begun.map(([{ url }]) => url),
    ['/1', '/2', '/3'],
  );
});

test('a request behind an answer that ends the connection never begins', async (t) => {
  const begun: (string | undefined)[] = [];
  const client = await start(t, (req, res) => {
    begun.push(req.url);
    res.setHeader('Connection', 'close').end();
  });
  client.write(get('/1') + get('/2'));
  assert.deepEqual(statuses(await text(client)), [200]);
  assert.deepEqual(begun, ['/1']);
});

test('bytes behind a request that asks for the end have no answer', async (t) => {
  const answer = Promise.withResolvers<ServerResponse>();
  const client = await start(t, (_req, res) => answer.resolve(res));
  client.write(get('/1', 'Connection: close') + get('/2'));
  (await answer.promise).end();
  assert.deepEqual(statuses(await text(client)), [200]);
});

test('thousands of pipelined requests are all answered', async (t) => {
  const client = await start(t, (_req, res) => void setImmediate(() => res.end()));
  client.write(get('/').repeat(5_000) + get('/', 'Connection: close'));
  assert.equal(statuses(await text(client))?.length, 5_001);
});

for (const [name, bytes, status] of [
  ['bytes that are no request', 'hello\r\n\r\n', 400],
  ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 405],
  ['an unknown expectation', get('/', 'Expect: tea'), 417],
  ['an expectation beside the known one', get('/', 'Expect: 100-continue, tea'), 417],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
] as const) {
  test(`${name} behind a request: each has its own answer, in that order`, async (t) => {
    const answer = Promise.withResolvers<ServerResponse>();
    const client = await start(t, (_req, res) => answer.resolve(res));
    client.write(get('/1') + bytes);
    const res = await answer.promise;
    // Let whatever wants to answer too early do it.
    await new Promise(setImmediate);
    res.end('first');
    const answers = await text(client);
    assert.deepEqual(statuses(answers), [200, status]);
    assert.match(answers, /\r\n\r\nfirstHTTP\/1\.1/);
    assert.match(answers, /\r\nX-Frame-Options: DENY\r\n.*"type":"urn:portico:problem:/s);
    assert.match(answers, /\r\nConnection: close\r\n/);
  });
}

test('pieces of what can not be read behind a request are refused once', async (t) => {
  const answer = Promise.withResolvers<ServerResponse>();
  const [client, accepted] = await startBoth(t, (_req, res) => answer.resolve(res));
  client.write(`${get('/1')}hello\r\n\r\n`);
  const res = await answer.promise;
  const listeners = res.listenerCount('close');
  for (let count = 0; count < 20; count += 1) {
    const before = accepted.bytesRead;
    client.write('piece');
    while (accepted.bytesRead === before) await new Promise(setImmediate);
  }
  assert.ok(res.listenerCount('close') <= listeners + 1);
  res.end();
  assert.deepEqual(statuses(await text(client)), [200, 400]);
});

test('a body that can not be read adds nothing to an answer that has begun', async (t) => {
  const client = await start(t, (_req, res) => {
    res.setHeader('Content-Length', 1_000);
    res.write('begun');
  });
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  const [begun] = await once(client, 'data');
  assert.match(String(begun), /\r\n\r\nbegun$/);
  client.write('ZZ\r\n');
  assert.equal(await text(client).catch(() => ''), '');
});

test('a client that stays after its refusal is not waited for', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const [client, accepted] = await startBoth(t, () => {});
  client.allowHalfOpen = true;
  client.write('hello\r\n\r\n');
  const [answer] = await once(client, 'data');
  assert.deepEqual(statuses(String(answer)), [400]);
  const closed = once(accepted, 'close');
  t.mock.timers.tick(2_000);
  await closed;
});

test('an offer to upgrade ends the connection, as Node loses what comes in one piece with it', async (t) => {
  const client = await start(t, (_req, res) => void res.end());
  client.write(get('/1', 'Connection: Upgrade', 'Upgrade: h2c') + get('/2'));
  const answers = await text(client);
  assert.deepEqual(statuses(answers), [200]);
  assert.match(answers, /^Connection: close\r$/m);
});

test('a body that never comes behind a finished answer gets no second one', async (t) => {
  const [client, accepted] = await startBoth(t, (_req, res) => void res.end());
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  await once(client, 'data');
  client.write('ZZ\r\n');
  assert.equal(await text(client).catch(() => ''), '');
  assert.equal(accepted.destroyed, true);
});

test('a client that goes on sending behind its last answer can read it', async (t) => {
  const client = await start(t, (_req, res) => void res.setHeader('Connection', 'close').end('last'));
  client.write(get('/') + 'x'.repeat(5_000_000));
  assert.match(await text(client), /\r\n\r\nlast$/);
});
