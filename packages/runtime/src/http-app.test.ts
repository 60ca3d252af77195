import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { pino } from 'pino';
import supertest from 'supertest';
import { contextOf, createHttpApp, type HttpAppOptions } from './http-app.ts';
import { silentLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import type { RequestContext } from './request-context.ts';

type Mount = Parameters<typeof createHttpApp>[1];

function app(mount: Mount, options: Partial<HttpAppOptions> = {}) {
  return createHttpApp(
    {
      log: silentLogger,
      metrics: createMetrics('test'),
      timeoutMs: 5_000,
      newId: () => 'id-made-here',
      ...options,
    },
    mount,
  );
}

const echo: Mount = (express) => {
  express.get('/context', (_req, res) => {
    const { requestId, traceparent, deadline } = contextOf(res);
    res.json({ requestId, traceparent, deadline });
  });
};

test('ids of the caller are carried on, and made where there are none', async () => {
  const traceId = 'a'.repeat(32);
  const carried = await supertest(app(echo))
    .get('/context')
    .set('X-Request-Id', 'from-the-caller')
    .set('traceparent', `00-${traceId}-${'b'.repeat(16)}-01`);
  assert.equal(carried.body.requestId, 'from-the-caller');
  assert.equal(carried.headers['x-request-id'], 'from-the-caller');
  assert.match(carried.body.traceparent, new RegExp(`^00-${traceId}-(?!b{16})[0-9a-f]{16}-01$`));

  const made = await supertest(app(echo)).get('/context');
  assert.equal(made.body.requestId, 'id-made-here');
  assert.match(made.body.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});

test('malformed ids are replaced, not repeated', async () => {
  const answer = await supertest(app(echo))
    .get('/context')
    .set('X-Request-Id', 'x"><script>')
    .set('traceparent', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`);
  assert.equal(answer.headers['x-request-id'], 'id-made-here');
  assert.doesNotMatch(answer.body.traceparent, /0{32}/);
});

test('Portico-Timeout-Ms shortens the time of a request and never lengthens it', async () => {
  const now = () => 1_000_000;
  const server = app(echo, { now });
  for (const [header, deadline] of [
    ['200', 1_000_200],
    ['999999', 1_005_000],
    ['-5', 1_005_000],
    ['soon', 1_005_000],
  ] as const) {
    const answer = await supertest(server).get('/context').set('Portico-Timeout-Ms', header);
    assert.equal(answer.body.deadline, deadline, header);
  }
});

test('a request whose time is over is answered 504', async () => {
  const waits: Mount = (express) => {
    express.get('/slow', async (_req, res) => {
      const { signal } = contextOf(res);
      await once(signal, 'abort');
      throw signal.reason;
    });
  };
  const answer = await supertest(app(waits)).get('/slow').set('Portico-Timeout-Ms', '20').expect(504);
  assert.equal(answer.body.type, 'urn:portico:problem:timeout');
});

test('work stops when the client goes away', async () => {
  const arrived = Promise.withResolvers<RequestContext>();
  const server = createServer(
    app((express) => {
      express.get('/slow', (_req, res) => arrived.resolve(contextOf(res)));
    }),
  ).listen(0);
  await once(server, 'listening');
  const client = request({ port: (server.address() as AddressInfo).port, path: '/slow' }).end();
  client.on('error', () => {});
  const { signal } = await arrived.promise;
  client.destroy();
  if (!signal.aborted) await once(signal, 'abort');
  assert.equal(signal.reason.name, 'ClientGone');
  server.close();
});

test('what goes wrong inside is a 500 that says nothing of the inside, and is logged', async () => {
  const lines: string[] = [];
  const fails: Mount = (express) => {
    express.get('/fails', () => {
      throw new Error('password of db-7.internal is hunter2');
    });
  };
  const answer = await supertest(
    app(fails, { log: pino({ level: 'error' }, { write: (line) => lines.push(line) }) }),
  )
    .get('/fails')
    .expect(500);
  assert.equal(answer.body.requestId, 'id-made-here');
  assert.doesNotMatch(answer.text, /hunter2|internal is|stack/);
  assert.match(lines.join(''), /hunter2.*id-made-here|id-made-here.*hunter2/);
});

test('a failure after the answer has begun cuts it off', async () => {
  const half: Mount = (express) => {
    express.get('/half', (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/plain' });
      res.write('half of');
      throw new Error('broken');
    });
  };
  await assert.rejects(async () => supertest(app(half)).get('/half'), /aborted|socket hang up|ECONNRESET/);
});

test('unknown paths are a 404 problem, without a trace of the framework', async () => {
  const answer = await supertest(app(echo)).get('/nothing').expect(404);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assert.equal(answer.headers['x-powered-by'], undefined);
  assert.equal(answer.body.type, 'urn:portico:problem:not-found');
});

test('every request is measured under its route, never under its path', async () => {
  const metrics = createMetrics('test');
  const server = app(echo, { metrics });
  await supertest(server).get('/nothing/at/all');
  await supertest(server).get('/context');
  const text = await metrics.registry.metrics();
  assert.match(
    text,
    /portico_http_request_duration_seconds_count\{method="GET",route="none",status="404",process="test"\} 1/,
  );
  assert.doesNotMatch(text, /nothing\/at/);
});
