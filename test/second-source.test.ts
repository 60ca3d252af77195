/** Inventory as a process in each of the three ways in which its changes can become known, with capture as another one. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventHub } from '@portico/change-stream/hub/event-hub.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import type { ChangeNode } from '@portico/change-stream/node/change-node.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createShopServices, type ShopServices } from '@portico/coherent-cache/shop-services.ts';
import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { readTags } from '@portico/contracts/events/read-tags.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { createTestContext } from '@portico/testing/context.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import pg from 'pg';
import { type Program, startProgram } from './programs.fixture.ts';

const secret = 'inventory-and-capture-alone-know-it';
const modes = ['log', 'post', 'none'] as const;
type Mode = (typeof modes)[number];

/** The databases of each test. */
const names = Array.from({ length: 10 }, (_, n) => ({ hub: `hub_${n}`, inventory: `inventory_${n}` }));

let issuer: TokenIssuer;
let postgres: TestPostgres;
let admin: pg.Client;
let databases: Readonly<Record<'hub' | 'inventory' | 'captured', string | undefined>>;
before(async () => {
  issuer = await startTokenIssuer();
  const captured = names.map(({ inventory }) => inventory);
  postgres = await startPostgres({ databases: [...captured, ...names.map(({ hub }) => hub)], captured });
  admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
});
after(async () => {
  await issuer?.close();
  await admin?.end();
  await postgres?.stop();
});

let hub: EventHub;
let programs: Set<Program>;
let capturePort: string | undefined;
let sql: pg.Client;

beforeEach(async () => {
  const { hub: hubName = '', inventory = '' } = names.pop() ?? {};
  databases = {
    hub: postgres.databases[hubName],
    inventory: postgres.databases[inventory],
    captured: postgres.captures[inventory],
  };
  hub = createPostgresEventHub({ url: String(databases.hub), log: silentLogger });
  programs = new Set();
  capturePort = undefined;
  sql = new pg.Client({ connectionString: databases.inventory });
  await sql.connect();
});
afterEach(async () => {
  for (const program of programs) await kill(program);
  await sql.end();
  await hub.close();
  // A server has one slot of this name; it is in use until PostgreSQL has noticed who is gone.
  const drop = 'select pg_drop_replication_slot(slot_name) from pg_replication_slots';
  await until(() =>
    admin.query(drop).then(
      () => true,
      () => false,
    ),
  );
});

async function start(path: string, env: Readonly<Record<string, string | undefined>>): Promise<Program> {
  const program = await startProgram(path, env);
  programs.add(program);
  return program;
}

async function kill(program: Program): Promise<void> {
  const { child } = program;
  programs.delete(program);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** At the same address each time, as in production. */
async function startCapture(mode: Mode): Promise<Program> {
  const program = await start('packages/change-stream/src/capture/main.ts', {
    HUB_URL: databases.hub,
    PORT: capturePort,
    CAPTURE_INVENTORY_URL: mode === 'log' ? databases.captured : undefined,
    POST_INVENTORY_SECRET: mode === 'post' ? secret : undefined,
  });
  capturePort = new URL(program.url).port;
  return program;
}

const startInventory = (mode: Mode) =>
  start('mock-services/inventory/src/main.ts', {
    DATABASE_URL: databases.inventory,
    PORTICO_DEMO_PRODUCTS: '100',
    OIDC_ISSUER: issuer.issuer,
    ...(mode === 'post' && { CHANGES_URL: `http://127.0.0.1:${capturePort}`, CHANGES_SECRET: secret }),
  });

/** @returns the commit that the answer names */
async function setStock({ url }: Program, id: string, quantity: number) {
  const answer = await fetch(`${url}/stock/${id}`, {
    method: 'PUT',
    headers: { ...issuer.root, 'Content-Type': 'application/json' },
    body: JSON.stringify({ quantity }),
  });
  assert.equal(answer.status, 200, await answer.text());
  const [source = '', xid = ''] = String(answer.headers.get('Commit-Id')).split(':');
  return { source, xid };
}

/** Takes a step of the saga of an order. @returns the number of the commit that the answer names */
async function takeStep({ url }: Program, key: string, path: string, body?: object): Promise<number> {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { ...issuer.service, 'Idempotency-Key': key, 'Content-Type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  assert.equal(answer.status, 200, await answer.text());
  return Number(String(answer.headers.get('Commit-Id')).replace('inventory:', ''));
}

/** Asks again until it is so; the test's own time limit ends it. */
async function until(look: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await look())) await delay(5);
}

const records = async () => hub.read({ epoch: await hub.epoch(), number: 0 }, 100_000);
/** What each record of a posted commit is about, in order. */
const told = async () =>
  (await records()).map(({ offset, events }) => [offset.at, ...events.map(({ key }) => key)].join(' '));
const toldUpTo = (sequence: number) =>
  until(async () => (await hub.progress()).some(({ offset }) => offset.at === String(sequence)));

interface Frontend {
  readonly node: ChangeNode;
  readonly quantity: (
    id: string,
    required?: { readonly source: string; readonly xid: string },
  ) => Promise<unknown>;
  /** How many calls inventory had because of it. */
  readonly calls: () => number;
  readonly close: () => Promise<void>;
}

/** What a BFF has of the cache, with a clock of its own for what lives by time. */
async function startFrontend(mode: Mode, inventory: Program, passed: () => number): Promise<Frontend> {
  const node = createChangeNode({
    hub,
    sources: eventSources,
    silent: mode === 'none' ? ['inventory'] : [],
    log: silentLogger,
  });
  let commits: { readonly source: string; readonly xid: string }[] = [];
  const nowhere = 'http://127.0.0.1:1';
  const services: ShopServices = createShopServices({
    urls: { catalog: nowhere, inventory: inventory.url, reviews: nowhere, customers: nowhere },
    cacheTtlMs: 10_000,
    node,
    tagsOf: readTags,
    requirementOf: () => ({ position: undefined, commits, seen: [] }),
    callTimeoutMs: 10_000,
    log: silentLogger,
    metrics: createMetrics('test'),
    now: () => Date.now() + passed(),
  });
  const context = createTestContext();
  await until(() => node.applied !== undefined);
  return {
    node,
    quantity: async (id, required) => {
      commits = required === undefined ? [] : [required];
      const stock = await services.inventory.get('/stock/{productId}', { path: { productId: id } }, context);
      return stock?.quantity;
    },
    calls: () => context.downstream.calls,
    close: async () => {
      await services.close();
      await node.close();
    },
  };
}

for (const mode of modes) {
  test(`${mode}: reads are kept, and a change by a command shows`, { timeout: 120_000 }, async () => {
    await startCapture(mode);
    const inventory = await startInventory(mode);
    let passedMs = 0;
    const frontend = await startFrontend(mode, inventory, () => passedMs);
    try {
      if (mode !== 'none') await until(() => frontend.node.isTrusted('inventory'));
      assert.equal(frontend.node.follows('inventory'), mode !== 'none');

      // A stream that is late for a moment costs a call, nothing else.
      await frontend.quantity('p1');
      await until(async () => {
        const calls = frontend.calls();
        await frontend.quantity('p1');
        return frontend.calls() === calls;
      });

      for (const quantity of [41, 42, 43]) {
        const before = await frontend.quantity('p1');
        const commit = await setStock(inventory, 'p1', quantity);
        assert.equal(await frontend.quantity('p1', commit), quantity, 'who changed it sees it at once');
        if (mode === 'none') {
          passedMs += 10_001;
          assert.equal(await frontend.quantity('p1'), quantity, 'everybody sees it when its time is over');
        } else {
          assert.notEqual(before, quantity);
          await until(() => frontend.node.hasApplied(commit));
          assert.equal(await frontend.quantity('p1'), quantity, 'everybody sees it once it is applied');
        }
      }
    } finally {
      await frontend.close();
    }
  });
}

describe('What inventory posts', () => {
  test('is told once and in order, however often capture is killed meanwhile', {
    timeout: 120_000,
  }, async () => {
    let capture = await startCapture('post');
    const inventory = await startInventory('post');
    const total = 60;
    for (let n = 1; n <= total; n += 1) {
      await setStock(inventory, `p${(n % 100) + 1}`, 1_000 + n);
      if (n % 20 === 10) {
        await kill(capture);
        capture = await startCapture('post');
      }
    }
    await toldUpTo(total);
    const expected = Array.from({ length: total }, (_, n) => `${n + 1} p${((n + 1) % 100) + 1}`);
    assert.deepEqual((await told()).slice(1), expected);
    assert.equal((await told())[0], '0 lost');
  });

  test('is told by the next inventory, when it was killed between its commit and its post', {
    timeout: 120_000,
  }, async () => {
    const capture = await startCapture('post');
    let inventory = await startInventory('post');
    await toldUpTo(0);
    await kill(capture);
    await setStock(inventory, 'p1', 777);
    await setStock(inventory, 'p2', 778);
    await kill(inventory);
    await startCapture('post');
    inventory = await startInventory('post');
    await toldUpTo(2);
    assert.deepEqual(await told(), ['0 lost', '1 p1', '2 p2']);
  });

  test('has every product that an order sets aside, sells or gives back, once', {
    timeout: 120_000,
  }, async () => {
    await startCapture('post');
    const inventory = await startInventory('post');
    await sql.query("update stock set quantity = 5 where product_id in ('p1', 'p2')");
    const lines = ['p2', 'p1'].map((productId) => ({ productId, quantity: 2 }));
    const reserve = () =>
      takeStep(inventory, 'o1-place:reserve:do', '/reservations', { orderNumber: 'o1', lines });
    assert.equal(await reserve(), 1);
    assert.equal(await takeStep(inventory, 'o1-place:commit:do', '/reservations/o1/commit'), 2);
    assert.equal(await takeStep(inventory, 'o1-cancel:commit:undo', '/reservations/o1/release'), 3);
    assert.equal(await reserve(), 3, 'a repeated step changes nothing and names the last commit');
    await toldUpTo(3);
    assert.deepEqual(await told(), ['0 lost', '1 p1 p2', '2 p1 p2', '3 p1 p2']);
    const stock = (await records()).slice(1).map(({ events }) => events[0]?.data.after);
    assert.deepEqual(stock, [
      { productId: 'p1', quantity: 3, reserved: 2 },
      { productId: 'p1', quantity: 3, reserved: 0 },
      { productId: 'p1', quantity: 5, reserved: 0 },
    ]);
  });

  test('is not trusted while capture is away, and reads go to inventory', { timeout: 120_000 }, async () => {
    const capture = await startCapture('post');
    const inventory = await startInventory('post');
    const frontend = await startFrontend('post', inventory, () => 0);
    try {
      await until(() => frontend.node.isTrusted('inventory'));
      await frontend.quantity('p1');
      await kill(capture);
      await setStock(inventory, 'p1', 9_999);
      await until(() => !frontend.node.isTrusted('inventory'));
      assert.equal(await frontend.quantity('p1'), 9_999);
    } finally {
      await frontend.close();
    }
  });

  test('does not tell what was changed by SQL, which a captured log does', { timeout: 120_000 }, async () => {
    await startCapture('post');
    const inventory = await startInventory('post');
    await toldUpTo(0);
    await sql.query("update stock set quantity = 5 where product_id = 'p1'");
    await setStock(inventory, 'p2', 7_000);
    await toldUpTo(1);
    assert.deepEqual(await told(), ['0 lost', '1 p2']);
  });

  test('counts as lost for the time in which inventory did not post', { timeout: 120_000 }, async () => {
    await startCapture('post');
    let inventory = await startInventory('post');
    await setStock(inventory, 'p1', 801);
    await toldUpTo(1);
    await kill(inventory);
    inventory = await startInventory('none');
    await setStock(inventory, 'p1', 802);
    await kill(inventory);
    inventory = await startInventory('post');
    await setStock(inventory, 'p2', 803);
    await toldUpTo(2);
    assert.deepEqual((await told()).slice(0, 2), ['0 lost', '1 p1']);
    assert.match(String((await told())[2]), /^[12] lost$/);
    assert.equal((await records())[2]?.events[0]?.type, 'everything-changed');
  });

  test('and what its database logs can follow each other, each beginning with a change of everything', {
    timeout: 120_000,
  }, async () => {
    let capture = await startCapture('post');
    let inventory = await startInventory('post');
    await setStock(inventory, 'p1', 901);
    await toldUpTo(1);
    await Promise.all([kill(capture), kill(inventory)]);
    capture = await startCapture('log');
    inventory = await startInventory('log');
    const ended = async () => (await records()).some(({ events }) => events[0]?.key === 'snapshot-ended');
    await until(ended);
    await setStock(inventory, 'p2', 902);
    await until(async () => (await records()).at(-1)?.events[0]?.key === 'p2');
    await Promise.all([kill(capture), kill(inventory)]);
    await startCapture('post');
    inventory = await startInventory('post');
    await setStock(inventory, 'p3', 903);
    await until(async () => (await records()).at(-1)?.events[0]?.key === 'p3');
    const keys = (await records()).map(({ events }) => events[0]?.key);
    assert.deepEqual(keys.slice(0, 3), ['lost', 'p1', 'snapshot-begun']);
    assert.ok(keys.slice(keys.indexOf('p2', 3)).includes('lost'));
  });
});
