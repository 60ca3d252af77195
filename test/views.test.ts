/** Views that are rebuilt while orders go on: the hub in PostgreSQL, a lake that follows it, views in this process, in Redis, and in BFFs. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { DurableEventHub, NewRecord, SourceWriter } from '@portico/change-stream/hub/event-hub.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createLiveView } from '@portico/change-stream/views/create-live-view.ts';
import { createMemoryViewStore } from '@portico/change-stream/views/memory-view-store.ts';
import { createRedisViewStore } from '@portico/change-stream/views/redis-view-store.ts';
import type { View } from '@portico/change-stream/views/view.ts';
import type { ViewStore } from '@portico/change-stream/views/view-store.ts';
import { type OrdersState, ordersView } from '@portico/coherent-cache/orders/orders-view.ts';
import { ordersEvents } from '@portico/contracts/events/orders-events.ts';
import { type LakeUnderTest, openTestLake, type RunningWriter } from '@portico/event-lake/lake.fixture.ts';
import { createLakeHistory } from '@portico/event-lake/lake-history.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import {
  findRedis,
  startPostgres,
  startRedis,
  type TestPostgres,
  type TestRedis,
} from '@portico/testing/engines.ts';
import { orderRecord } from '@portico/testing/order-records.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import { Redis } from 'ioredis';
import { type Program, startProgram } from './programs.fixture.ts';

const root = join(import.meta.dirname, '..');
const never = new AbortController().signal;
const perAppend = 20;
const inLake = 4_000;

const closing: (() => Promise<unknown>)[] = [];
let postgres: TestPostgres;
let redisServer: TestRedis | undefined;
let issuer: TokenIssuer;
let hub: DurableEventHub;
let lake: LakeUnderTest;
let lakeWriter: RunningWriter;
let orders: SourceWriter;
let catalog: SourceWriter;
let appended = 0;

before(async () => {
  [postgres, redisServer, issuer, lake] = await Promise.all([
    startPostgres({ databases: ['hub'] }),
    findRedis() === undefined ? undefined : startRedis(),
    startTokenIssuer(),
    openTestLake(),
  ]);
  hub = createPostgresEventHub({ url: postgres.databases.hub ?? '', log: silentLogger });
  orders = await hub.writer('orders', never);
  catalog = await hub.writer('catalog', never);
  while (appended < inLake) await append(500);
  lakeWriter = lake.write(hub, { maxBytes: 300_000 });
  await lakeWriter.until(inLake / 2);
});
after(async () => {
  for (const close of closing.reverse()) await close();
  await lake.remove();
  await hub.close();
  await Promise.all([issuer.close(), postgres.stop(), redisServer?.stop()]);
});

/**
 * One of the catalog, then so many of orders, among them some that say that everything may be another, or was changed. The
 * last one is of orders: others move the cursor of a view from time to time only.
 */
async function append(count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, index) => special(appended + index));
  appended += count;
  const offset = { log: 'catalog', at: String(appended) };
  const event = { id: `c${appended}`, type: 'thing-changed', key: 'p1', data: { before: null, after: {} } };
  const of = { source: 'catalog', offset, xid: String(appended), committedAt: Date.now(), events: [event] };
  await catalog.append([of]);
  await orders.append(records, progress());
}

function special(nth: number): NewRecord {
  const record = orderRecord(nth);
  const [event] = record.events;
  const everything = (key: string) => [
    { id: `e${nth}`, type: 'everything-changed', key, data: { before: null, after: null } },
  ];
  if (nth === 1_234) return { ...record, events: everything('truncated') };
  if (nth === 2_345) return { ...record, events: everything('snapshot-begun') };
  if (nth === 2_567) return { ...record, events: everything('snapshot-ended') };
  if (nth % 777 !== 0 || event === undefined) return record;
  return { ...record, events: [{ ...event, data: { before: event.data.after, after: event.data.after } }] };
}

const progress = () => ({
  offset: { log: 'orders', at: String(appended) },
  xmin: String(appended),
  committedAt: Date.now(),
});

/** Orders go on until what is under way is over. @returns how many records came meanwhile */
async function whileOrdersGoOn(underWay: Promise<unknown>): Promise<number> {
  const before = appended;
  let isOver = false;
  const over = underWay.finally(() => {
    isOver = true;
  });
  over.catch(() => {});
  while (!isOver) await append(perAppend);
  await over;
  return appended - before;
}

/** A process's own way to a view, with the lake. */
function follow(view: View<OrdersState>, store: ViewStore<OrdersState>) {
  const node = createChangeNode({ hub, sources: [ordersEvents], boundMs: 3_600_000, log: silentLogger });
  const history = createLakeHistory(lake.dir);
  const live = createLiveView({ view, store, node, hub, history, log: silentLogger });
  closing.push(node.close, live.close);
  return {
    live,
    isUpTo: async () => {
      const { last } = await hub.range();
      while ((live.applied?.number ?? 0) < last) await nextTurn();
    },
  };
}

/** Compares text by text, so that what differs can be read. */
function assertSame(actual: readonly string[], expected: readonly string[]): void {
  assert.ok(actual.length > 200, `${actual.length}`);
  const [ours, theirs] = [new Set(actual), new Set(expected)];
  const differing = [
    ...actual.filter((text) => !theirs.has(text)),
    ...expected.filter((text) => !ours.has(text)),
  ];
  assert.deepEqual(differing.slice(0, 4), []);
}

/** All keys that orders can have brought about. */
function keys(): string[] {
  const orderKeys = Array.from(
    { length: Math.ceil(appended / 10) + 10 },
    (_, index) => `order:o${index + 1}`,
  );
  return [...orderKeys, ...Array.from({ length: 1_000 }, (_, index) => `orders-of:c${index}`), 'order:never'];
}

/** Cursor and states as text. */
async function textOf(store: ViewStore<OrdersState>) {
  const { cursor, states } = await store.read(keys());
  return [JSON.stringify(cursor), ...[...states].map(([key, state]) => `${key} ${JSON.stringify(state)}`)];
}

const spoiled = new Map<string, OrdersState>([
  ['order:o1', { order: 'incomplete' }],
  ['order:never', { order: 'incomplete' }],
  ['orders-of:c2', { numbers: ['o0'] }],
]);
const spoil = (store: ViewStore<OrdersState>) =>
  store.update([], ({ cursor }) => {
    assert.ok(cursor);
    return { cursor, isCleared: false, states: spoiled };
  });

async function portico(env: NodeJS.ProcessEnv, ...args: readonly string[]) {
  const child = spawn(process.execPath, [join(root, 'cli/src/main.ts'), 'views', ...args], {
    env: { PATH: process.env.PATH, PORTICO_DATA_DIR: lake.dir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk) => {
      said[name] += chunk;
    });
  }
  const [code] = await once(child, 'close');
  return { code, ...said };
}

const skip = findRedis() === undefined ? 'no redis-server or valkey-server on PATH' : undefined;

async function connect(): Promise<Redis> {
  const redis = new Redis(redisServer?.url ?? '');
  closing.push(async () => redis.disconnect());
  return redis;
}

describe('A view that is rebuilt under live writes', { timeout: 180_000 }, () => {
  it('equals the live one byte for byte, in this process', async () => {
    const stores = [createMemoryViewStore<OrdersState>(), createMemoryViewStore<OrdersState>()];
    const [store, reference] = stores as [ViewStore<OrdersState>, ViewStore<OrdersState>];
    const [ours, other] = [follow(ordersView('test'), store), follow(ordersView('test'), reference)];
    await ours.isUpTo();
    for (let round = 0; round < 3; round += 1) {
      await spoil(store);
      const rebuilding = ours.live.rebuild({ signal: never });
      assert.ok((await whileOrdersGoOn(rebuilding)) >= perAppend);
      await Promise.all([ours.isUpTo(), other.isUpTo()]);
      assertSame(await textOf(store), await textOf(reference));
    }
  });

  it('equals the live one byte for byte, in Redis, of two instances that share it', { skip }, async () => {
    const redis = await connect();
    const views = ['ours', 'reference'].map((name) => ({ ...ordersView(name), name }));
    const storeOf = (view: View<OrdersState>) => createRedisViewStore<OrdersState>({ redis, view });
    const [view, reference] = views as [View<OrdersState>, View<OrdersState>];
    const followers = [
      follow(view, storeOf(view)),
      follow(view, storeOf(view)),
      follow(reference, storeOf(reference)),
    ];
    const areUpTo = () => Promise.all(followers.map(({ isUpTo }) => isUpTo()));
    await areUpTo();
    const hashOf = async (name: string) => {
      const { build: _, ...fields } = await redis.hgetall(`portico:view:{${name}:1}`);
      return Object.entries(fields).map(([field, text]) => `${field} ${text}`);
    };
    for (let round = 0; round < 3; round += 1) {
      await spoil(storeOf(view));
      const rebuilding = followers[round % 2]?.live.rebuild({ signal: never }) ?? Promise.reject();
      assert.ok((await whileOrdersGoOn(rebuilding)) >= perAppend);
      await areUpTo();
      assertSame(await hashOf('ours'), await hashOf('reference'));
    }
    assert.equal((await redis.keys('portico:view:{ours:1}:*')).length, 0);
  });
});

describe('portico views rebuild', { timeout: 180_000 }, () => {
  const bffs: Record<string, Program> = {};
  const settings = () => {
    const away = Object.fromEntries(
      ['CATALOG', 'INVENTORY', 'REVIEWS', 'CUSTOMERS', 'ORDERS'].map((name) => [
        `${name}_URL`,
        'http://127.0.0.1:1',
      ]),
    );
    const lakeUrl = pathToFileURL(lake.dir).href;
    return { ...away, HUB_URL: postgres.databases.hub, LAKE_URL: lakeUrl, OIDC_ISSUER: issuer.issuer };
  };
  const start = async (name: 'web' | 'mobile', more: NodeJS.ProcessEnv = {}) => {
    const program = await startProgram(`bffs/${name}/src/main.ts`, { ...settings(), ...more });
    closing.push(program.stop);
    bffs[name] = program;
    const processes = Object.entries(bffs).map(([name, { admin }]) => ({ name, admin }));
    writeFileSync(
      join(lake.dir, 'demo.json'),
      JSON.stringify({ processes, databases: { hub: postgres.databases.hub } }),
    );
    return program;
  };
  /** What a phone is told of an order of c301, while the service of orders is away: from the view, or not at all. */
  const orderOf = async ({ url }: Program): Promise<unknown> => {
    const headers = { authorization: `Bearer ${await issuer.mint({ sub: 'c301' })}` };
    for (;;) {
      await append(perAppend);
      const answer = await fetch(`${url}/api/v1/orders/o301`, { headers });
      if (answer.status === 200) return await answer.json();
      await answer.body?.cancel();
    }
  };

  it('does it in a running BFF whose view is in Redis, finds that by demo.json, and tells how far it is', {
    skip,
  }, async () => {
    const redis = await connect();
    const program = await start('web', { REDIS_URL: redisServer?.url });
    const key = 'portico:view:{web orders:1}';
    while ((await redis.hget(key, 'state:order:o301')) === null) await append(perAppend);
    for (const [name, state] of spoiled) await redis.hset(key, `state:${name}`, JSON.stringify(state));
    const asking = portico({}, 'rebuild', 'web', 'orders');
    assert.ok((await whileOrdersGoOn(asking)) >= perAppend);
    const { code, stdout, stderr } = await asking;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^rebuilt the view web orders up to \d+ of [0-9a-f]{32} in \d+\.\d s\n$/);
    assert.match(stderr, /^folded \d+ of \d+ records$/m);
    assert.equal(await redis.hexists(key, 'state:order:never'), 0);
    assert.notEqual(await redis.hget(key, 'state:orders-of:c2'), JSON.stringify(spoiled.get('orders-of:c2')));
    await program.stop();
  });

  it('says what is wrong in one line: a BFF or view that is not there, nobody at the port', async () => {
    await start('mobile');
    const said = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await portico({}, ...args);
      assert.deepEqual([stdout, stderr.split('\n').length], ['', 2], stderr);
      return `${code} ${stderr}`;
    };
    assert.match(
      await said('rebuild', 'tv', 'orders'),
      /^2 portico: no process tv is in demo\.json: .*--admin/,
    );
    assert.match(
      await said('rebuild', 'mobile', 'carts'),
      /^1 portico views: There is no view "carts" here; .* orders/,
    );
    assert.match(await said('rebuild', 'mobile'), /^2 portico: say portico views rebuild/);
    assert.match(
      await said('rebuild', 'mobile', 'orders', '--admin', 'http://127.0.0.1:1'),
      /^1 portico views: .*ECONNREFUSED|bad port/,
    );
    const plain = await fetch(`${bffs.mobile?.admin}/views/orders/rebuild`, { method: 'POST' });
    assert.equal(plain.status, 400);
  });

  it('of a hub that has let go of records: a BFF that starts has all, and a rebuild has, too', async () => {
    // The hub keeps what the lake doesn't have yet, and hears of it a moment later.
    while ((await hub.range()).first <= inLake) {
      await append(perAppend);
      await hub.trim(Date.now() + 60_000);
    }
    const program = await start('mobile');
    const order = await orderOf(program);
    const asking = portico({}, 'rebuild', 'mobile', 'orders');
    await whileOrdersGoOn(asking);
    const { code, stdout, stderr } = await asking;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^rebuilt the view mobile orders/);
    assert.deepEqual(await orderOf(program), order);
  });

  it('names what is damaged in the lake, and leaves the view as it is', async () => {
    const program = await start('mobile');
    const order = await orderOf(program);
    const [name = ''] = readdirSync(lake.folder)
      .filter((file) => file.endsWith('.zst'))
      .sort();
    const whole = readFileSync(join(lake.folder, name));
    truncateSync(join(lake.folder, name), 100);
    const { code, stdout, stderr } = await portico({}, 'rebuild', 'mobile', 'orders');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      new RegExp(`^damaged: ${name} is cut: 100 of ${whole.length} bytes are there$`, 'm'),
    );
    assert.deepEqual(await orderOf(program), order);
    writeFileSync(join(lake.folder, name), whole);
    assert.equal((await portico({}, 'rebuild', 'mobile', 'orders')).code, 0);
  });
});
