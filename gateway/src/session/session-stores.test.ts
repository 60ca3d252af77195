import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { silentLogger } from '@portico/runtime/log.ts';
import { findRedis, startRedis, type TestRedis } from '@portico/testing/engines.ts';
import { createMemorySessionStore } from './memory-session-store.ts';
import { createRedisSessionStore } from './redis-session-store.ts';
import { sessionStoreContract } from './session-store.contract.ts';
import type { SessionStore } from './session-store.ts';

const noRedis = findRedis() === undefined ? 'no Redis installed' : false;
let redis: TestRedis;
let inRedis: SessionStore;

before(async () => {
  if (noRedis) return;
  redis = await startRedis();
  inRedis = createRedisSessionStore({ url: redis.url, log: silentLogger, timeoutMs: 10_000 });
  // It connects in the background.
  while ((await inRedis.read('x').catch(() => 'away')) === 'away') await new Promise(setImmediate);
});
after(async () => {
  inRedis?.close();
  await redis?.stop();
});

sessionStoreContract('in process', async () => createMemorySessionStore());
sessionStoreContract('in Redis', async () => inRedis, noRedis);

test('in process, the oldest sessions and names give way when there are too many', async () => {
  const store = createMemorySessionStore({ maxEntries: 100 });
  const now = Date.now();
  for (let n = 0; n < 1_000; n += 1) {
    await store.create({
      id: `s${n}`,
      sealed: '',
      expiresAt: now + 60_000,
      endsAt: now + 60_000,
      groups: ['g'],
      begunAt: now,
    });
    await store.lease(`n${n}`, 'h', 60_000);
  }
  assert.equal(await store.read('s899'), undefined);
  let removed = 0;
  await store.removeGroup('g', 60_000, () => {
    removed += 1;
  });
  assert.equal(removed, 100);
  assert.equal(await store.lease('n0', 'h', 60_000), true);
});
