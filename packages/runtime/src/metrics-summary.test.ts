import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import supertest from 'supertest';
import { createAdminApp } from './admin.ts';
import { createHttpApp } from './http-app.ts';
import { silentLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { estimateQuantile } from './metrics-summary.ts';

test('the JSON has for each route its requests, outcomes, times, problems and what is under way', async (t) => {
  const metrics = createMetrics('test');
  const arrived = Promise.withResolvers<() => void>();
  const app = createHttpApp({ log: silentLogger, metrics, timeoutMs: 60_000 }, (express) => {
    express.get('/things/:id', (req, res) => {
      res.locals.route = '/things/{id}';
      metrics.underWay.add(res);
      if (req.params.id === 'slow') arrived.resolve(() => res.end());
      else if (req.params.id === 'broken') throw new Error('broken');
      else res.end();
    });
  });
  const server = createServer(app).listen(0);
  await once(server, 'listening');
  t.after(() => server.close());
  for (const id of ['1', '2', '3', 'broken']) await supertest(server).get(`/things/${id}`);
  await supertest(server).get('/nothing');
  const slow = fetch(`http://localhost:${(server.address() as AddressInfo).port}/things/slow`);
  const release = await arrived.promise;

  const admin = createAdminApp({ metrics, checks: {}, stopping: () => false });
  const { body } = await supertest(admin).get('/metrics.json').expect(200);
  assert.equal(body.process, 'test');
  const { latencyMs, ...things } = body.routes['/things/{id}'];
  assert.deepEqual(things, {
    count: 4,
    outcomes: { '2xx': 3, '5xx': 1 },
    inFlight: 1,
    problems: { internal: 1 },
  });
  assert.ok(latencyMs.mean > 0 && latencyMs.p50 > 0 && latencyMs.p50 <= latencyMs.p99);
  assert.deepEqual(body.routes.none.problems, { 'not-found': 1 });
  const { text } = await supertest(admin).get('/metrics');
  assert.match(text, /^portico_http_requests_in_flight\{route="\/things\/\{id\}",process="test"\} 1$/m);
  assert.match(text, /^portico_http_problems_total\{route="none",problem="not-found",process="test"\} 1$/m);
  release();
  await slow;
});

test('a quantile is found within its bucket, and above the last one is not known', () => {
  const buckets = [
    { upTo: 0.01, count: 0 },
    { upTo: 0.02, count: 50 },
    { upTo: 0.04, count: 90 },
    { upTo: Number.POSITIVE_INFINITY, count: 100 },
  ];
  assert.equal(estimateQuantile(0.25, buckets), 0.015);
  assert.equal(estimateQuantile(0.5, buckets), 0.02);
  assert.ok(Math.abs((estimateQuantile(0.7, buckets) ?? 0) - 0.03) < 1e-9);
  assert.equal(estimateQuantile(0.95, buckets), null);
  assert.equal(estimateQuantile(0.5, []), null);
});
