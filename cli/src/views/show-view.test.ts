/** What a view had at each moment of a history of orders: some of it in the lake alone, some in the hub alone. */
import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { DurableEventHub, NewRecord } from '@portico/change-stream/hub/event-hub.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { type LakeUnderTest, openTestLake } from '@portico/event-lake/lake.fixture.ts';
import { segmentName } from '@portico/event-lake/segment.ts';
import { createDatabase } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { runViews } from './run-views.ts';

const minute = (at: number) => Date.UTC(2026, 0, 1, 12, at);
const money = { amount: 300, currency: 'EUR' };
const lines = [{ productId: 'p1', quantity: 1, unitPrice: money }];

let postgres: TestPostgres;
let hub: DurableEventHub;
let lake: LakeUnderTest;
let firstEpoch: string;

before(async () => {
  postgres = await startPostgres({ databases: ['hub'] });
  hub = createPostgresEventHub({ url: postgres.databases.hub ?? '', log: silentLogger });
  lake = await openTestLake();
  firstEpoch = await hub.epoch();
});
after(async () => {
  await lake.remove();
  await hub.close();
  await postgres.stop();
});

let appended = 0;
function happens(orderNumber: string, version: number, type: string, data: object = {}): NewRecord {
  appended += 1;
  const at = String(appended);
  const committedAt = minute(appended);
  const after = {
    orderNumber,
    version,
    customerId: 'c1',
    type,
    at: new Date(committedAt).toISOString(),
    data: version === 1 ? { lines, total: money } : data,
    traceparent: '',
  };
  const event = {
    id: at,
    type: 'order-event-appended',
    key: `${orderNumber}:${version}`,
    data: { before: null, after },
  };
  return { source: 'orders', offset: { log: 'orders', at }, xid: at, committedAt, events: [event] };
}

interface Shown {
  readonly view: string;
  readonly key: string;
  readonly at: { readonly epoch: string; readonly number: number };
  readonly committedAt: string | null;
  readonly state: {
    order?: { status: string; reason?: string; timeline: unknown[] };
    numbers?: string[];
  } | null;
}

async function portico(env: NodeJS.ProcessEnv, ...args: readonly string[]) {
  let [stdout, stderr] = ['', ''];
  const output = {
    write: (text: string) => {
      stdout += text;
    },
    tell: (line: string) => {
      stderr += `${line}\n`;
    },
  };
  const LAKE_URL = pathToFileURL(lake.dir).href;
  const code = await runViews(args, { PORTICO_DATA_DIR: '/nowhere', LAKE_URL, ...env }, output);
  return { code, stdout, stderr };
}

const withHub = () => ({ HUB_URL: postgres.databases.hub });

async function show(key: string, ...args: readonly string[]): Promise<Shown> {
  const { code, stdout, stderr } = await portico(withHub(), 'show', 'web', 'orders', key, ...args);
  assert.equal(`${code} ${stderr}`, '0 ');
  return JSON.parse(stdout);
}
const orderAt = async (...args: readonly string[]) => {
  const { state, at } = await show('o1', ...args);
  return [at.number, state === null ? null : `${state.order?.status} ${state.order?.timeline.length}`];
};

describe('portico views show', { timeout: 60_000 }, () => {
  test('gives what the view had at each position and time, from the lake and, above it, from the hub', async () => {
    const orders = await hub.writer('orders', new AbortController().signal);
    const writer = lake.write(hub);
    await orders.append([happens('o1', 1, 'order-placed'), happens('o1', 2, 'stock-reserved')]);
    await writer.until(2);
    await orders.append([happens('o2', 1, 'order-placed'), happens('o1', 3, 'order-confirmed')]);
    await writer.until(4);
    await writer.stop();
    await orders.append([happens('o1', 4, 'order-cancelled', { reason: 'changed-mind' })]);
    await orders.release();
    await hub.trim(Date.now());
    assert.equal((await hub.range()).first, 4);

    const statuses = [null, 'PENDING 1', 'PENDING 2', 'PENDING 2', 'CONFIRMED 3', 'CANCELLED 4'];
    const lists = [null, ['o1'], ['o1'], ['o2', 'o1'], ['o2', 'o1'], ['o2', 'o1']];
    for (const [number, status] of statuses.entries()) {
      assert.deepEqual(await orderAt('--at', String(number)), [number, status]);
      assert.deepEqual((await show('c1', '--at', String(number))).state?.numbers ?? null, lists[number]);
      const time = new Date(minute(number) + 30_000).toISOString();
      assert.deepEqual(await orderAt('--at', time), [number, status]);
    }
    assert.deepEqual(await orderAt(), [5, 'CANCELLED 4']);
    const { view, key, at, committedAt, state } = await show('order:o1');
    assert.deepEqual([view, key, at], ['web orders', 'order:o1', { epoch: firstEpoch, number: 5 }]);
    assert.equal(committedAt, new Date(minute(5)).toISOString());
    assert.equal(state?.order?.reason, 'changed-mind');
    assert.equal((await show('orders-of:c1')).key, (await show('c1')).key);
    assert.equal((await show('o99')).state, null);
  });

  test('without the hub gives what the lake has, and says so', async () => {
    const { code, stdout, stderr } = await portico({}, 'show', 'mobile', 'orders', 'o1');
    assert.deepEqual([code, JSON.parse(stdout).at.number], [0, 4]);
    assert.match(stderr, /^the lake alone is asked, up to 4: HUB_URL says where the hub is\n$/);
    const above = portico({}, 'show', 'mobile', 'orders', 'o1', '--at', '5');
    await assert.rejects(above, /^Error: 5 is not there: 1 to 4 of epoch \w+ are; HUB_URL says where/);
  });

  test('wrong use is one line that says what is right', async () => {
    const refused = (message: RegExp, ...args: readonly string[]) =>
      assert.rejects(portico(withHub(), ...args), message);
    await refused(/^Error: say portico views rebuild <bff> <view>/);
    await refused(/^Error: say portico views rebuild/, 'show', 'web', 'orders');
    await refused(/^Error: there is no BFF "tv", but web, mobile$/, 'show', 'tv', 'orders', 'o1');
    await refused(/^Error: there is no view "carts", but orders$/, 'show', 'web', 'carts', 'o1');
    const showing = ['show', 'web', 'orders', 'o1'];
    await refused(/^Error: --at is a number, or a time such as/, ...showing, '--at', 'yesterday');
    await refused(/^Error: 6 is not there: 1 to 5 of epoch \w+ are$/, ...showing, '--at', '6');
    await refused(/^Error: nothing is known of epoch "x", but of \w+$/, ...showing, '--epoch', 'x');
    await assert.rejects(
      portico({ LAKE_URL: 'file:///nowhere' }, ...showing),
      /there is no lake in \/nowhere/,
    );
  });

  test('what a restored hub has lost is in the epoch before, and in the present only what came since', async () => {
    const writer = lake.write(hub);
    await writer.until(5);
    await writer.stop();
    const database = createDatabase<{ records: { number: number }; log_end: { last_number: number } }>(
      postgres.databases.hub ?? '',
      silentLogger,
    );
    await database.deleteFrom('records').where('number', '>', 4).execute();
    await database.updateTable('log_end').set({ last_number: 4 }).execute();
    await database.destroy();
    await hub.renewEpoch();
    const orders = await hub.writer('orders', new AbortController().signal);
    await orders.append([happens('o1', 4, 'order-shipped')]);
    const again = lake.write(hub);
    await again.until(5);
    await again.stop();

    assert.deepEqual(await orderAt(), [5, 'SHIPPED 4']);
    assert.deepEqual(await orderAt('--at', '4'), [4, 'CONFIRMED 3']);
    assert.deepEqual(await orderAt('--epoch', firstEpoch), [5, 'CANCELLED 4']);
    assert.deepEqual(await orderAt('--epoch', firstEpoch, '--at', '1'), [1, 'PENDING 1']);
  });

  test('of a damaged lake gives nothing, and names the segment', async () => {
    const name = segmentName({ epoch: firstEpoch, first: 1 });
    truncateSync(join(lake.folder, name), 10);
    const { code, stdout, stderr } = await portico(withHub(), 'show', 'web', 'orders', 'o1');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, new RegExp(`^damaged: ${name} is cut: 10 of `));
  });
});
