import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { parseRedisUrl } from '@portico/coherent-cache/redis-address.ts';
import { connectToRedis } from '@portico/coherent-cache/redis-connection.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { findRedis, startRedis } from '@portico/testing/engines.ts';
import { startScriptedRedis } from '@portico/testing/scripted-redis.ts';
import type { ScriptedRequest } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { createRedisSessionStore } from './redis-session-store.ts';
import { startSignInGateway, type TestBrowser } from './test-sign-in.fixture.ts';

const skip = findRedis() ? false : 'no Redis installed';

/**
 * A gateway with a real Redis behind its sessions, and a browser that is signed in.
 * @param timeoutMs more than any machine needs, where a test is not about a Redis that is slow
 */
async function startWithRedis(
  t: TestContext,
  timeoutMs = 10_000,
  options: Parameters<typeof startSignInGateway>[1] = {},
) {
  const redis = await startRedis();
  const store = createRedisSessionStore({ url: redis.url, log: silentLogger, timeoutMs });
  t.after(async () => {
    store.close();
    await redis.stop();
  });
  const started = await startSignInGateway(t, { ...options, store, oidc: { signInsPerMinute: 1_000_000 } });
  const ada = started.browser();
  await until(async () => (await ada.signIn()).status === 303);
  return { redis, ada, ...started };
}

/** What those get who have a session, and who have none: nobody else notices. */
async function statusesOf(url: string, ada: TestBrowser) {
  const cookie = ada.cookies();
  return [
    (await ada.get('/required')).status,
    (await ada.get('/optional')).status,
    (await ada.get('/none')).status,
    (await request(url).get('/optional')).status,
    ada.cookies() === cookie,
  ];
}

test('while Redis hangs, who has a session gets a 503 and keeps it, and the public goes on', {
  skip,
}, async (t) => {
  const { redis, ada, url, upstream } = await startWithRedis(t, 100);
  process.kill(redis.pid, 'SIGSTOP');
  const before = upstream.requests.length;
  try {
    for (let n = 0; n < 5; n += 1) {
      assert.deepEqual(await statusesOf(url, ada), [503, 503, 200, 200, true]);
    }
    assert.equal(upstream.requests.length, before + 10);
    const told = upstream.next();
    assert.match(String((await ada.get('/told')).headers['cache-control']), /private|no-store/);
    const { fields } = await told;
    assert.equal(fieldOf(fields, 'portico-user'), 'unknown');
    assert.equal(fieldOf(fields, 'authorization'), undefined);
    const refused = await ada.get('/optional');
    assert.equal(refused.body.type, 'urn:portico:problem:unavailable');
    assert.equal(refused.headers['retry-after'], '1');
    assert.equal((await ada.post('/auth/logout')).status, 503);
  } finally {
    process.kill(redis.pid, 'SIGCONT');
  }
  await until(async () => (await ada.get('/required')).status === 200);
});

test('after a Redis that came back empty nobody is signed in, and sign-ins work', { skip }, async (t) => {
  const { redis, ada } = await startWithRedis(t);
  await redis.crash();
  await until(async () => (await ada.get('/required')).status === 401);
  assert.equal(ada.jar.has('portico'), false);
  await until(async () => (await ada.signIn()).status === 303);
  assert.equal((await ada.get('/required')).status, 200);
});

test('a Redis that takes no writes knows those who are signed in, and signs in nobody', {
  skip,
}, async (t) => {
  const { redis, ada, browser } = await startWithRedis(t);
  const admin = connectToRedis(parseRedisUrl(redis.url));
  t.after(() => admin.disconnect());
  await until(async () => admin.status === 'ready');
  await admin.config('SET', 'min-replicas-to-write', '1');
  const grace = browser();
  assert.equal((await grace.signIn()).status, 503);
  assert.equal((await ada.get('/required')).status, 200);
  await admin.config('SET', 'min-replicas-to-write', '0');
  assert.equal((await grace.signIn()).status, 303);
});

test('of sessions that end together those are told of that did, where one of them can not be ended', {
  skip,
}, async (t) => {
  const told: unknown[] = [];
  const instance = createServer(async (req, res) => {
    told.push(...((await json(req)) as unknown[]));
    res.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await once(instance, 'listening');
  t.after(() => instance.close());
  const { port } = instance.address() as AddressInfo;
  const upstream = () => `{ targets: ["http://127.0.0.1:${port}"], sessionEnds: /ends }`;
  const { redis, ada, gateway, browser } = await startWithRedis(t, 10_000, { upstream });
  const admin = connectToRedis(parseRedisUrl(redis.url));
  t.after(() => admin.disconnect());
  await until(async () => admin.status === 'ready');
  const [broken = ''] = await admin.keys('portico:session:*');
  await browser().signIn();
  await admin.set(broken, 'what is no session');
  await assert.rejects(async () => gateway.endSessions?.('sub', 'c1'), { name: 'Problem' });
  await until(async () => told.length === 1);
  await admin.del(broken);
  assert.equal((await ada.get('/required')).status, 401);
});

test('a store that gives no answer is left alone for a moment after three tries', async (t) => {
  const redis = await startScriptedRedis();
  let now = 0;
  const store = createRedisSessionStore({ url: redis.url, log: silentLogger, now: () => now, timeoutMs: 5 });
  t.after(async () => {
    store.close();
    await redis.close();
  });
  redis.behave(() => 'hang');
  await until(async () => redis.connections() > 0);
  const reads = () => redis.commands.filter(([name]) => name === 'HMGET').length;
  for (let n = 0; n < 10; n += 1) {
    await assert.rejects(store.read('x'), { name: 'SessionStoreUnavailable' });
  }
  assert.ok(reads() <= 3, String(reads()));
  assert.equal(store.isAvailable(), false);
  now += 1_000;
  await assert.rejects(store.read('x'), { name: 'SessionStoreUnavailable' });
});

const fieldOf = (fields: ScriptedRequest['fields'], wanted: string) =>
  fields.find(([name]) => name === wanted)?.[1];

async function until(done: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  while (!(await done())) {
    assert.ok(Date.now() < giveUpAt, 'not within 20 s');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
