import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { silentLogger } from '@portico/runtime/log.ts';
import { findRedis, startRedis } from '@portico/testing/engines.ts';
import request from 'supertest';
import { answersOk, porticoTable, startTestGateway } from '../test-gateway.fixture.ts';
import { createRateLimits, type RateLimits } from './rate-limits.ts';

async function startLimited(t: TestContext, rateLimits: RateLimits) {
  const table = porticoTable('http://x');
  const routes = table.routes.map((route) =>
    route.path === '/graphql'
      ? { ...route, rateLimit: { requests: 3, perSeconds: 60, by: 'address' as const } }
      : route,
  );
  t.after(() => rateLimits.close());
  return startTestGateway(t, answersOk, { table: (url) => ({ ...porticoTable(url), routes }), rateLimits });
}

test('requests above the limit of a route are a 429 that says when to come again, and go no further', async (t) => {
  const { url, upstream } = await startLimited(t, createRateLimits({ log: silentLogger }));
  for (const left of [2, 1, 0]) {
    const { headers } = await request(url).get('/graphql').expect(200);
    assert.equal(headers['ratelimit-policy'], '"default";q=3;w=60');
    assert.match(String(headers.ratelimit), new RegExp(`^"default";r=${left};t=(60|59)$`));
  }
  const refused = await request(url).get('/graphql').expect(429);
  assert.equal(refused.body.type, 'urn:portico:problem:too-many-requests');
  assert.match(String(refused.headers['retry-after']), /^(60|59)$/);
  assert.equal(upstream.requests.length, 3);
  const other = await request(url).get('/api/v1/home').expect(200);
  assert.equal(other.headers.ratelimit, undefined);
});

test('two gateways with one Redis count together', {
  skip: findRedis() ? false : 'no Redis installed',
}, async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const limits = () => createRateLimits({ log: silentLogger, redisUrl: redis.url, timeoutMs: 10_000 });
  const [one, two] = [limits(), limits()];
  await Promise.all(
    [one, two].map(async (each) =>
      until(
        async () =>
          (await each.limiter('probe', { requests: 1e6, perSeconds: 60 }).consume('x')).remaining < 1e6 - 2,
      ),
    ),
  );
  const first = await startLimited(t, one);
  const second = await startLimited(t, two);
  for (const { url } of [first, second, first]) await request(url).get('/graphql').expect(200);
  await request(second.url).get('/graphql').expect(429);
});

test('without its Redis a gateway counts by itself', async (t) => {
  const { url } = await startLimited(
    t,
    createRateLimits({ log: silentLogger, redisUrl: 'redis://127.0.0.1:1' }),
  );
  for (let n = 0; n < 3; n += 1) await request(url).get('/graphql').expect(200);
  await request(url).get('/graphql').expect(429);
});

test('in process, of any number of peers only so many are kept in mind', async () => {
  const { limiter } = createRateLimits({ log: silentLogger, maxKeys: 100 });
  const { consume } = limiter('x', { requests: 2, perSeconds: 60 });
  for (let n = 0; n < 1_000; n += 1) await consume(`peer ${n}`);
  assert.equal((await consume('peer 999')).remaining, 0);
  assert.equal((await consume('peer 0')).remaining, 1);
});

async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setImmediate(resolve));
}
