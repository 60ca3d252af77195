/** Redis, a service's database or the hub is put back to what it was, or lost: nobody is shown what is not there any more. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findRedis } from '@portico/testing/engines.ts';
import { Redis } from 'ioredis';
import { boundMs } from './run-history.fixture.ts';
import {
  asAdmin,
  type Front,
  refuseAll,
  type ShopUnderTest,
  serviceNames,
  startShopUnderTest,
  type Unkillable,
} from './shop-under-test.fixture.ts';

const skip = findRedis() === undefined ? 'no Redis on this machine' : false;

describe('After a thing was put back to an old copy', { skip, timeout: 300_000 }, () => {
  let shop: ShopUnderTest;
  let redis: Redis;
  before(async () => {
    shop = await startShopUnderTest(3, { instances: 1 });
    redis = new Redis(shop.redis.url);
  });
  after(async () => {
    redis?.disconnect();
    await shop?.close();
  });

  const setPrice = (amount: number) =>
    shop.sql('catalog', 'update products set price_amount = $1 where id = $2', [amount, 'p1']);
  /** One commit after the other. */
  const setPrices = (product: string, from: number, to: number) => {
    const update = `update products set price_amount = n where id = '${product}'`;
    return shop.sql(
      'catalog',
      `do $$ begin for n in ${from}..${to} loop ${update}; commit; end loop; end $$`,
    );
  };
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
  const notReady = async (): Promise<readonly string[]> =>
    (await (await fetch(`${shop.capture.admin}/readyz`)).json()).notReady ?? [];
  /** Not only ready, which it is also while it waits for the place of the one that was killed. */
  const untilCaptured = async () => {
    const following = /^portico_capture_state\{source="\w+",state="following",.*\} 1$/gm;
    const count = async () => {
      const metrics = await (await fetch(`${shop.capture.admin}/metrics`)).text();
      return metrics.match(following)?.length;
    };
    while ((await count()) !== serviceNames.length) await delay(50);
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
    for (const front of shop.fronts) {
      await front.kill(() => restoreRedis(copy));
      await allGoOnShowing(2_222);
    }
  });

  it('a Redis that another hub’s positions are in shows nothing of them', async () => {
    await setPrice(3_333);
    await untilAllShow(3_333);
    const copy = await copyOfRedis();
    await portico(shop, 'hub', 'renew-epoch');
    await setPrice(4_444);
    await delay(boundMs);
    await Promise.all(shop.fronts.map((front) => front.kill(() => restoreRedis(copy))));
    await allGoOnShowing(4_444);
  });

  it('a database shows what it has now after the bound, and is followed again after a new snapshot', async () => {
    await setPrice(5_555);
    await untilAllShow(5_555);
    await whileKilled([shop.capture, shop.catalog], () => backUp(shop, 'catalog'));
    await setPrice(6_666);
    await untilAllShow(6_666);
    await whileKilled([shop.capture, shop.catalog], async () => {
      await restore(shop, 'catalog');
      await asAdmin(shop, 'grant connect on database catalog to capture');
    });
    await delay(boundMs);
    await allGoOnShowing(5_555);

    assert.notDeepEqual(await notReady(), []);
    await portico(shop, 'capture', 'resnapshot', 'catalog');
    await untilCaptured();
    await allGoOnShowing(5_555);
    await setPrice(7_777);
    await untilAllShow(7_777);
    await allGoOnShowing(7_777);
  });

  it('the hub shows nothing of the log that was lost, after a new epoch and new snapshots', async () => {
    await setPrice(1_234);
    await untilAllShow(1_234);
    await whileKilled([shop.capture], () => backUp(shop, 'hub'));
    await untilCaptured();
    // Numbers that the restored hub will give to other records.
    await setPrices('p1', 2_000, 2_099);
    await untilAllShow(2_099);
    const copy = await copyOfRedis();
    await whileKilled([shop.capture], async () => {
      await restore(shop, 'hub');
      await setPrice(3_210);
      await portico(shop, 'hub', 'renew-epoch');
    });
    await delay(boundMs);
    await allGoOnShowing(3_210);

    for (const name of serviceNames) assert.match((await notReady()).join(), new RegExp(`${name}: .*epoch`));
    await Promise.all(serviceNames.map((name) => portico(shop, 'capture', 'resnapshot', name)));
    await untilCaptured();
    await allGoOnShowing(3_210);
    await setPrices('p2', 1, 200);
    const [, phone] = shop.fronts as [Front, Front];
    await phone.kill(() => restoreRedis(copy));
    await allGoOnShowing(3_210);
    await setPrice(4_321);
    await untilAllShow(4_321);
    await allGoOnShowing(4_321);
  });

  it('nothing is left of databases whose files were deleted, though Redis, BFFs and tokens live on', async () => {
    await setPrice(8_888);
    await untilAllShow(8_888);
    const [, phone] = shop.fronts as [Front, Front];
    const before = await fetch(`${phone.url}/api/v1/products/p1`);
    const token = String(before.headers.get('portico-consistency'));
    await whileKilled([shop.capture, ...shop.services, phone], () => shop.postgres.loseAll());
    await untilCaptured();
    await delay(boundMs);
    const anew = await priceNow(phone);
    assert.notEqual(anew, 8_888);
    await allGoOnShowing(anew);
    const answer = await fetch(`${phone.url}/api/v1/products/p1`, {
      headers: { 'portico-consistency': token },
    });
    assert.equal(((await answer.json()) as { price?: { amount: number } }).price?.amount, anew);
    await setPrice(9_999);
    await untilAllShow(9_999);
    await allGoOnShowing(9_999);
  });
});

/** SIGKILLs them all, works, and starts them again. */
async function whileKilled(programs: readonly Unkillable[], work: () => Promise<void>): Promise<void> {
  let dead = 0;
  const worked = Promise.withResolvers<void>();
  const pause = () => {
    dead += 1;
    if (dead === programs.length) work().then(worked.resolve, worked.reject);
    return worked.promise;
  };
  await Promise.all(programs.map((program) => program.kill(pause)));
}

async function backUp(shop: ShopUnderTest, database: string): Promise<void> {
  const copy = `create database ${database}_backup template ${database} owner ${database}`;
  await asAdmin(shop, ...refuseAll(database), copy, `alter database ${database} allow_connections true`);
}

async function restore(shop: ShopUnderTest, database: string): Promise<void> {
  const swap = [
    `alter database ${database} rename to ${database}_lost`,
    `alter database ${database}_backup rename to ${database}`,
  ];
  await asAdmin(shop, ...refuseAll(database), ...swap);
}

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

/** The command, as an operator runs it. */
async function portico({ postgres }: ShopUnderTest, ...args: readonly string[]): Promise<void> {
  const root = join(import.meta.dirname, '../..');
  const env = {
    PATH: process.env.PATH,
    LOG_LEVEL: 'silent',
    HUB_URL: postgres.databases.hub,
    ...Object.fromEntries(
      serviceNames.map((name) => [`CAPTURE_${name.toUpperCase()}_URL`, postgres.captures[name]]),
    ),
  };
  await promisify(execFile)(process.execPath, ['cli/src/main.ts', ...args], { cwd: root, env });
}
