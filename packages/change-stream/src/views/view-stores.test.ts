import { after } from 'node:test';
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

describeViewStore('Redis', {
  skip: findRedis() === undefined ? 'no redis-server or valkey-server on PATH' : undefined,
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
