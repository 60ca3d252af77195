import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { findRedis, startRedis, type TestRedis } from '@portico/testing/engines.ts';
import { Redis } from 'ioredis';
import { countingView } from './counting-view.fixture.ts';
import { createMemoryViewStore } from './memory-view-store.ts';
import { createRedisViewStore } from './redis-view-store.ts';
import { describeViewStore } from './view-store.contract.ts';

describeViewStore('this process', {
  open: async () => {
    const store = createMemoryViewStore<{ count: number; last: number }>();
    return () => store;
  },
});

let server: Promise<TestRedis> | undefined;
const clients: Redis[] = [];
let views = 0;
after(async () => {
  for (const client of clients) client.disconnect();
  await (await server)?.stop();
});

const skip = findRedis() === undefined ? 'no redis-server or valkey-server on PATH' : undefined;

describeViewStore('Redis', {
  skip,
  open: async () => {
    server ??= startRedis();
    const { url } = await server;
    views += 1;
    const view = { ...countingView, version: views };
    return () => {
      const redis = new Redis(url);
      clients.push(redis);
      return createRedisViewStore({ redis, view });
    };
  },
});

test('an update in Redis that was made from a build that was replaced meanwhile is asked again', {
  skip,
}, async () => {
  server ??= startRedis();
  const redis = new Redis((await server).url);
  clients.push(redis);
  const store = createRedisViewStore<{ count: number }>({ redis, view: { name: 'builds', version: 1 } });
  const at = (number: number, count: number) => ({
    cursor: { position: { epoch: 'e1', number }, gaps: {} },
    isCleared: false,
    states: new Map([['a', { count }]]),
  });
  await store.update([], () => at(5, 10));
  const beside = store.beside();
  await beside.update([], () => at(5, 1));
  const found: (number | undefined)[] = [];
  const taken: Promise<boolean>[] = [];
  await store.update(['a'], ({ states }) => {
    const count = states.get('a')?.count ?? 0;
    found.push(count);
    // On the same connection, so it is there before what this update brings.
    if (found.length === 1) taken.push(beside.takeOver());
    return at(6, count + 1);
  });
  assert.deepEqual([await Promise.all(taken), found], [[true], [10, 1]]);
  assert.deepEqual((await store.read(['a'])).states.get('a'), { count: 2 });
});

test('what is built beside a view in Redis expires, and so does the view', { skip }, async () => {
  server ??= startRedis();
  const redis = new Redis((await server).url);
  clients.push(redis);
  const store = createRedisViewStore<{ count: number }>({ redis, view: { name: 'expiring', version: 1 } });
  const cursor = { position: { epoch: 'e1', number: 1 }, gaps: {} };
  const beside = store.beside();
  await beside.update([], () => ({ cursor, isCleared: true, states: new Map() }));
  const secondsLeft = async () => {
    const keys = await redis.keys('portico:view:{expiring:1}*');
    return Promise.all(keys.map((key) => redis.ttl(key)));
  };
  const [besideSeconds = 0] = await secondsLeft();
  assert.ok(besideSeconds > 0 && besideSeconds <= 600, `${besideSeconds}`);
  await beside.takeOver();
  const [seconds = 0, ...others] = await secondsLeft();
  assert.ok(seconds > 86_400 && others.length === 0);
  await store.beside().drop();
});
