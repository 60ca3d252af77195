import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { end, httpAnswer, reset, type Step } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { porticoTable, requestBytes, startTestGateway, statusOf } from '../test-gateway.fixture.ts';

const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const eventStream =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';

/** Makes the times of routes pass only when the test says so. (Those of connections go on.) */
function holdTime(t: TestContext): { passRouteTime: () => void } {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  return { passRouteTime: () => t.mock.timers.tick(10_000) };
}

test('an upstream that is away is a 503 that says nothing of it', async (t) => {
  const { url, upstream } = await startTestGateway(t);
  await upstream.close();
  const { body, text } = await request(url).get('/api/v1/home').expect(503);
  assert.equal(body.type, 'urn:portico:problem:unavailable');
  assert.ok(body.requestId.length >= 8);
  assert.doesNotMatch(text, /127\.0\.0\.1|ECONN|localhost/);
});

test('an answer that can not be used is a 502', async (t) => {
  const { url, upstream } = await startTestGateway(t);
  const answers: Record<string, Step[]> = {
    garbage: ['\0\x01\x02 not HTTP\r\n\r\n'],
    'HTML without a head': ['<html><body>hello</body></html>'],
    'half a head': ['HTTP/1.1 200 OK\r\nContent-', end],
    nothing: [end],
    'a reset': [reset],
    'status 000': ['HTTP/1.1 000 X\r\nContent-Length: 2\r\n\r\nok'],
    'status 099': ['HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nok'],
    'status 600': ['HTTP/1.1 600 X\r\nContent-Length: 2\r\n\r\nok'],
    'status 999': ['HTTP/1.1 999 X\r\nContent-Length: 2\r\n\r\nok'],
    'status 20': ['HTTP/1.1 20 X\r\n\r\n'],
    'a switch of protocols': ['HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello'],
    'a switch of protocols to none': ['HTTP/1.1 101 X\r\n\r\nhello'],
    'a control byte in a field': ['HTTP/1.1 200 OK\r\nA: b\x01c\r\nContent-Length: 2\r\n\r\nok'],
    'two lengths': ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    'a length and chunks': [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    'a transfer coding': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    'a head of 64 kB': [`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(65_536)}\r\n\r\n`],
    'a bad status and a reset': ['HTTP/1.1 099 X\r\nContent-Length: 9\r\n\r\nok', reset],
  };
  for (const [name, steps] of Object.entries(answers)) {
    upstream.behave(() => steps);
    for (const method of ['get', 'post'] as const) {
      const { status, body } = await request(url)[method]('/graphql');
      assert.deepEqual([name, status, body.type], [name, 502, 'urn:portico:problem:bad-upstream']);
    }
  }
});

test('an answer that breaks off never looks complete, and nothing is added to it', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  const halves: Record<string, Step[]> = {
    'half a length': ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', end],
    'half a length, reset': ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', reset],
    'chunks without the last': [`${chunked}4\r\nhalf\r\n`, end],
    'a bad chunk': [`${chunked}4\r\nhalf\r\nZZ\r\n`],
  };
  for (const [name, steps] of Object.entries(halves)) {
    upstream.behave(() => steps);
    const answer = await send(requestBytes('GET /graphql'));
    assert.match(answer, /^$|^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)+\r\n(?:half|4\r\nhalf\r\n)?$/, name);
  }
});

test('an upstream that does not answer in the time of the route is a 504', async (t) => {
  const { passRouteTime } = holdTime(t);
  const { send, upstream } = await startTestGateway(t, () => []);
  const arriving = upstream.next();
  const answering = send(requestBytes('POST /graphql', ['Content-Length: 2'], '{}'));
  const arrived = await arriving;
  await arrived.body;
  passRouteTime();
  const answer = await answering;
  assert.equal(statusOf(answer), 504);
  assert.match(answer, /"type":"urn:portico:problem:timeout"/);
  await arrived.ended;
});

test('an answer that is not whole in the time of the route is cut off', async (t) => {
  const { passRouteTime } = holdTime(t);
  const { port, upstream } = await startTestGateway(t, () => [`${chunked}2\r\nok\r\n`]);
  const [answer] = (await once(get({ port, host: '127.0.0.1', path: '/graphql' }), 'response')) as [
    IncomingMessage,
  ];
  assert.equal(String((await once(answer, 'data'))[0]), 'ok');
  passRouteTime();
  await assert.rejects(answer.toArray(), { code: 'ECONNRESET' });
  await upstream.requests[0]?.ended;
});

test('a client that takes longer than the time of the route to read its answer gets all of it', async (t) => {
  const { passRouteTime } = holdTime(t);
  const size = 20_000_000;
  const { port, answers } = await startTestGateway(t, () => [httpAnswer(200, 'x'.repeat(size))]);
  const [answer] = await once(get({ port, host: '127.0.0.1', path: '/graphql' }), 'response');
  while (!answers[0]?.writableNeedDrain) await nextTurn();
  passRouteTime();
  let received = 0;
  for await (const bytes of answer) received += bytes.length;
  assert.equal(received, size);
});

test('a body that does not arrive in the time of the route is a 408', async (t) => {
  const { passRouteTime } = holdTime(t);
  const { send, upstream } = await startTestGateway(t, () => []);
  const arriving = upstream.next();
  const answering = send(requestBytes('POST /graphql', ['Content-Length: 10'], 'half'));
  await arriving;
  passRouteTime();
  assert.equal(statusOf(await answering), 408);
});

test('a client can not shorten the time of its request', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const goOn = Promise.withResolvers<void>();
  const { send, upstream } = await startTestGateway(t, async function* () {
    await goOn.promise;
    yield end;
  });
  const arriving = upstream.next();
  const answering = send(requestBytes('GET /graphql', ['Portico-Timeout-Ms: 1']));
  const arrived = await arriving;
  assert.equal(new Map(arrived.fields).get('portico-timeout-ms'), '9900');
  t.mock.timers.tick(5);
  goOn.resolve();
  assert.equal(statusOf(await answering), 502);
});

test('a connection that is not made in its time is a 503; that of the client goes on', async (t) => {
  const full = await startFullServer(t);
  const { send } = await startTestGateway(t, () => [], {
    table: porticoTable(full),
    limits: { connectTimeoutMs: 30 },
  });
  const size = 900_000;
  const refused = `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`;
  const answers = await send(refused + requestBytes('GET /nowhere'));
  assert.deepEqual(answers.match(/^HTTP\/1\.1 \d+/gm), ['HTTP/1.1 503', 'HTTP/1.1 404']);
  assert.match(answers, /"type":"urn:portico:problem:unavailable"/);
});

test('an event stream comes through as it is sent, and outlives the time of the route', async (t) => {
  const { passRouteTime } = holdTime(t);
  const sendNext = Promise.withResolvers<void>();
  const { port } = await startTestGateway(t, async function* () {
    yield eventStream;
    await sendNext.promise;
    yield 'b\r\ndata: one\n\n\r\n0\r\n\r\n';
  });
  const [answer] = (await once(get({ port, host: '127.0.0.1', path: '/graphql' }), 'response')) as [
    IncomingMessage,
  ];
  assert.equal(answer.headers['content-type'], 'text/event-stream');
  passRouteTime();
  sendNext.resolve();
  assert.equal((await answer.toArray()).join(''), 'data: one\n\n');
});

test('an event stream that falls silent is cut off', async (t) => {
  const { send, upstream } = await startTestGateway(t, () => [eventStream], {
    limits: { idleTimeoutMs: 50 },
  });
  assert.match(
    await send(requestBytes('GET /graphql')),
    /\r\nContent-Type: text\/event-stream\r\n(?:.+\r\n)*\r\n$/,
  );
  await upstream.requests[0]?.ended;
});

test('a route may have times of its own for the first byte of an answer and for the next', async (t) => {
  const table = (url: string) => {
    const { routes, ...others } = porticoTable(url);
    const impatient = { firstByteTimeoutMs: 50, idleTimeoutMs: 50 };
    return { ...others, routes: routes.map((route) => ({ ...route, ...impatient })) };
  };
  const { send, upstream } = await startTestGateway(t, () => [], { table });
  assert.equal(statusOf(await send(requestBytes('GET /graphql'))), 504);
  upstream.behave(() => [`${chunked}4\r\nhalf\r\n`]);
  assert.match(
    await send(requestBytes('GET /graphql')),
    /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*\r\n4\r\nhalf\r\n$/,
  );
});

test('a client that goes away ends the request at the upstream', async (t) => {
  const { port, upstream } = await startTestGateway(t, () => []);
  for (const body of ['', '{"query":']) {
    const arriving = upstream.next();
    const client = connect(port, '127.0.0.1');
    client.write(requestBytes('POST /graphql', [`Content-Length: ${body.length * 2}`], body));
    const arrived = await arriving;
    client.destroy();
    await arrived.ended;
  }

  upstream.behave(() => [eventStream]);
  const streaming = get({ port, host: '127.0.0.1', path: '/graphql' });
  await once(streaming, 'response');
  streaming.destroy();
  await upstream.requests.at(-1)?.ended;
});

test('connections to an upstream are kept; an idle one that it has ended costs no request', async (t) => {
  const { url, upstream } = await startTestGateway(t, () => [httpAnswer(200)]);
  for (let count = 0; count < 3; count += 1) await request(url).get('/graphql').expect(200);
  assert.deepEqual(
    upstream.requests.map(({ connection }) => connection),
    [1, 1, 1],
  );

  // Reset instead of answered: as if the connection had been ended while the request was on its way.
  upstream.behave(({ connection }) => (connection === 1 ? [reset] : [httpAnswer(200)]));
  await request(url).get('/graphql').expect(200);
  assert.deepEqual(
    upstream.requests.map(({ connection }) => connection),
    [1, 1, 1, 1, 2],
  );
});

test('a connection that waits unused is ended, before the upstream ends it', async (t) => {
  const { url, upstream } = await startTestGateway(t, () => [httpAnswer(200)], {
    limits: { keepAliveMs: 50 },
  });
  await request(url).get('/graphql').expect(200);
  await upstream.requests[0]?.ended;
  const patient = await startTestGateway(t, () => [httpAnswer(200, '', { 'Keep-Alive': 'timeout=1' })]);
  await request(patient.url).get('/graphql').expect(200);
  await patient.upstream.requests[0]?.ended;
});

test('a read is sent at most twice, a command once', async (t) => {
  const { url, upstream } = await startTestGateway(t, () => [httpAnswer(200)]);
  const sentFor = async (method: 'get' | 'post') => {
    upstream.behave(() => [httpAnswer(200)]);
    await request(url).get('/graphql').expect(200);
    const before = upstream.requests.length;
    upstream.behave(() => [reset]);
    await request(url)[method]('/graphql').expect(502);
    return upstream.requests.length - before;
  };
  assert.equal(await sentFor('get'), 2);
  assert.equal(await sentFor('post'), 1);
});

test('a read whose answer has begun is not sent again', async (t) => {
  const { url, send, upstream } = await startTestGateway(t, () => [httpAnswer(200)]);
  await request(url).get('/graphql').expect(200);
  const half = Promise.withResolvers<void>();
  upstream.behave(async function* () {
    yield `${chunked}4\r\nhalf\r\n`;
    await half.promise;
    yield reset;
  });
  const answering = send(requestBytes('GET /graphql'));
  await upstream.next();
  half.resolve();
  await answering;
  upstream.behave(() => [httpAnswer(200)]);
  await request(url).get('/graphql').expect(200);
  assert.equal(upstream.requests.length, 3);
});

test('an upstream that has come back is used at once', async (t) => {
  const { url, upstream } = await startTestGateway(t, () => [reset]);
  await request(url).get('/graphql').expect(502);
  upstream.behave(() => [httpAnswer(200)]);
  await request(url).get('/graphql').expect(200);
});

/** A server whose queue of connections is full: nobody takes them from it, so further ones are never made. */
async function startFullServer(t: TestContext): Promise<string> {
  const program = `
    const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const worker = new Worker(program, { eval: true });
  const [port] = await once(worker, 'message');
  const clients = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  t.after(async () => {
    for (const client of clients) client.destroy();
    await worker.terminate();
  });
  let waiting = 2;
  await new Promise<void>((resolve) => {
    for (const client of clients) client.once('connect', () => --waiting === 0 && resolve());
  });
  return `http://127.0.0.1:${port}`;
}
