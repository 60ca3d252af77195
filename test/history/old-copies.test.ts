/** Redis and a service's database are put back to what they were before: nobody is shown what is not there any more. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { findRedis } from '@portico/testing/engines.ts';
import { Redis } from 'ioredis';
import pg from 'pg';
import { boundMs } from './run-history.fixture.ts';
import { type Front, type ShopUnderTest, startShopUnderTest } from './shop-under-test.fixture.ts';

const skip = findRedis() === undefined ? 'no Redis on this machine' : false;

describe('After a thing was put back to an old copy', { skip, timeout: 180_000 }, () => {
  let shop: ShopUnderTest;
  let redis: Redis;
  before(async () => {
    shop = await startShopUnderTest(3);
    redis = new Redis(shop.redis.url);
  });
  after(async () => {
    redis?.disconnect();
    await shop?.close();
  });

  const setPrice = (amount: number) =>
    shop.sql('catalog', 'update products set price_amount = $1 where id = $2', [amount, 'p1']);
  /** Of a BFF that had no price in time, the next answer counts. */
  const priceNow = async (front: Front): Promise<number> => {
    for (;;) {
      const price = await priceAt(front);
      if (price !== undefined) return price;
      await delay(50);
    }
  };
  const pricesNow = () => Promise.all(shop.fronts.map(priceNow));
  const untilAllShow = async (amount: number) => {
    while (!(await pricesNow()).every((price) => price === amount)) await delay(20);
  };
  const allGoOnShowing = async (amount: number) => {
    for (let look = 0; look < 20; look++) {
      assert.deepEqual(
        await pricesNow(),
        shop.fronts.map(() => amount),
      );
    }
  };
  const copyOfRedis = async () => {
    const keys = await redis.keys('*');
    return Promise.all(keys.map(async (key) => ({ key, value: await redis.dumpBuffer(key) })));
  };
  const restoreRedis = async (copy: Awaited<ReturnType<typeof copyOfRedis>>) => {
    await Promise.all(copy.map(({ key, value }) => value && redis.restore(key, 60_000, value, 'REPLACE')));
  };

  it('a Redis with entries of before shows none of them, whether a BFF knows better or has just started', async () => {
    await setPrice(1_111);
    await untilAllShow(1_111);
    const copy = await copyOfRedis();
    assert.ok(copy.length > 0);
    await setPrice(2_222);
    await untilAllShow(2_222);

    await redis.flushall();
    await allGoOnShowing(2_222);
    await Promise.all(shop.fronts.slice(0, 3).map((front) => front.kill(() => restoreRedis(copy))));
    await allGoOnShowing(2_222);
  });

  it('a Redis that another hub’s positions are in shows nothing of them', async () => {
    await setPrice(3_333);
    await untilAllShow(3_333);
    const copy = await copyOfRedis();
    const hub = createPostgresEventHub({ url: String(shop.postgres.databases.hub), log: silentLogger });
    await hub.renewEpoch();
    await hub.close();
    await setPrice(4_444);
    await delay(boundMs);
    await Promise.all(shop.fronts.map((front) => front.kill(() => restoreRedis(copy))));
    await allGoOnShowing(4_444);
  });

  it('a database shows what it has now after the bound, and is followed again after a new snapshot', async () => {
    const admin = new pg.Client({ connectionString: shop.postgres.url });
    await admin.connect();
    /** While nobody is connected to the catalog's database. */
    const inPeace = async (...statements: string[]) => {
      const end = `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'catalog'`;
      const work = async () => {
        for (const statement of [end, ...statements]) await admin.query(statement);
      };
      await shop.capture.kill(() => shop.catalog.kill(work));
    };
    try {
      await setPrice(5_555);
      await untilAllShow(5_555);
      await inPeace('create database backup template catalog owner catalog');
      await setPrice(6_666);
      await untilAllShow(6_666);
      await inPeace(
        'alter database catalog rename to lost',
        'alter database backup rename to catalog',
        'grant connect on database catalog to capture',
      );
      await delay(boundMs);
      await allGoOnShowing(5_555);

      const captureIsReady = async () => (await fetch(`${shop.capture.admin}/readyz`)).ok;
      assert.equal(await captureIsReady(), false);
      await resnapshot(shop);
      while (!(await captureIsReady())) await delay(50);
      await allGoOnShowing(5_555);
      await setPrice(7_777);
      await untilAllShow(7_777);
      await allGoOnShowing(7_777);
    } finally {
      await admin.end();
    }
  });
});

async function priceAt({ kind, url }: Front): Promise<number | undefined> {
  const signal = AbortSignal.timeout(10_000);
  if (kind === 'mobile') {
    const answer = await fetch(`${url}/api/v1/products/p1`, { signal });
    return ((await answer.json()) as { price?: { amount: number } }).price?.amount;
  }
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: '{ product(sku: "p1") { price { amount } } }' }),
    signal,
  });
  const { data } = (await answer.json()) as { data?: { product?: { price: { amount: number } } } };
  return data?.product?.price.amount;
}

async function resnapshot({ postgres }: ShopUnderTest): Promise<void> {
  const root = join(import.meta.dirname, '../..');
  const env = {
    PATH: process.env.PATH,
    LOG_LEVEL: 'silent',
    HUB_URL: postgres.databases.hub,
    CAPTURE_CATALOG_URL: postgres.captures.catalog,
  };
  const command = ['cli/src/main.ts', 'capture', 'resnapshot', 'catalog'];
  await promisify(execFile)(process.execPath, command, { cwd: root, env });
}
