/** The time of a request, from the edge to a query of a service that has to wait for a lock in PostgreSQL. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createInventory } from '@portico/mock-inventory/create-inventory.ts';
import { type InventoryTables, migrations } from '@portico/mock-inventory/database.ts';
import { createDatabase, type Database, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { sql } from 'kysely';
import { type Program, startProgram } from './programs.fixture.ts';

const trials = 5;
/** Work has to stop so soon after its time is over, in milliseconds. */
const slackMs = 100;
/** Of the route of p1; p2 has the usual one. */
const shortRouteMs = 500;

/** A request as it arrived somewhere: when, and how much time it was given. */
interface Seen {
  readonly at: number;
  readonly timeoutMs: number;
}

describe('the time of a request', () => {
  const folder = mkdtempSync(join(tmpdir(), 'portico-deadlines-'));
  const servers: Server[] = [];
  const atBff: Seen[] = [];
  const atService: Seen[] = [];
  let postgres: TestPostgres;
  let db: Database<InventoryTables>;
  let shop: ShopServices;
  let mobile: Program;
  let gateway: Program;

  const listen = async (handler: RequestListener) => {
    const server = createServer(handler).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  before(async () => {
    postgres = await startPostgres({ databases: ['inventory'] });
    db = createDatabase<InventoryTables>(String(postgres.databases.inventory), silentLogger);
    await migrateToLatest(db, migrations);
    const inventory = createInventory({ db, log: silentLogger, metrics: createMetrics('inventory') });
    const inventoryUrl = await listen((req, res) => {
      atService.push(seen(req.headers));
      inventory(req, res);
    });
    shop = await startShopServices();
    mobile = await startProgram('bffs/mobile/src/main.ts', {
      CATALOG_URL: shop.urls.catalog,
      REVIEWS_URL: shop.urls.reviews,
      CUSTOMERS_URL: shop.urls.customers,
      INVENTORY_URL: inventoryUrl,
      CACHE_TTL_MS: '0',
    });
    const relayUrl = await listen((req, res) => {
      atBff.push(seen(req.headers));
      const { method = 'GET', url = '/', headers } = req;
      const onward = httpRequest(new URL(url, mobile.url), { method, headers }, (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
      });
      onward.on('error', () => res.destroy()).end();
      res.once('close', () => onward.destroy());
    });
    const file = join(folder, 'gateway.yaml');
    writeFileSync(
      file,
      `upstreams:
  mobile: { targets: ["${relayUrl}"] }
routes:
  - { path: /api/v1/products/p1, upstream: mobile, timeoutMs: ${shortRouteMs} }
  - { path: /api/v1/products/p2, upstream: mobile }
`,
    );
    gateway = await startProgram('gateway/src/main.ts', { PORTICO_CONFIG: file });
    await ask('p1');
  });
  after(async () => {
    await gateway?.stop();
    await mobile?.stop();
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
    await shop?.close();
    await db?.destroy();
    await postgres?.stop();
    rmSync(folder, { recursive: true });
  });

  const ask = (id: string, signal?: AbortSignal) =>
    fetch(`${gateway.url}/api/v1/products/${id}`, {
      headers: { 'Portico-Timeout-Ms': '1' },
      signal: signal ?? null,
    });

  /** How many queries of the service are at work in the database. */
  const queriesAtWork = async () => {
    const { rows } = await sql<{ count: number }>`
      select count(*) from pg_stat_activity
      where datname = current_database() and state = 'active' and pid <> pg_backend_pid()`.execute(db);
    return rows[0]?.count ?? 0;
  };

  /** Runs `work` while no query of the service can go on; gives when the database had none any more. */
  const whileLocked = (work: () => Promise<unknown>, onceAtWork = () => {}) =>
    db.transaction().execute(async (trx) => {
      await sql`lock table stock in access exclusive mode`.execute(trx);
      const done = work();
      await until(async () => (await queriesAtWork()) > 0);
      onceAtWork();
      await until(async () => (await queriesAtWork()) === 0);
      const stoppedAt = Date.now();
      await done;
      return stoppedAt;
    });

  test('no work goes on after the time of its route, in the database neither', async (t) => {
    const overruns: number[] = [];
    for (let trial = 0; trial < trials; trial += 1) {
      const sentAt = Date.now();
      let answer: Response | undefined;
      const stoppedAt = await whileLocked(async () => {
        answer = await ask('p1');
      });
      const [bff, service] = [atBff.at(-1) as Seen, atService.at(-1) as Seen];
      assert.ok(bff.timeoutMs < shortRouteMs, `the BFF was given ${bff.timeoutMs} ms`);
      assert.ok(service.timeoutMs < bff.timeoutMs, `${service.timeoutMs} ms after ${bff.timeoutMs} ms`);
      // Where the way in took long, the time of the route or of the BFF is over before that of the service.
      const hadUntil = Math.min(
        service.at + service.timeoutMs,
        bff.at + bff.timeoutMs,
        sentAt + shortRouteMs,
      );
      assert.ok(stoppedAt >= hadUntil - 5, `it stopped ${hadUntil - stoppedAt} ms before its time was over`);
      assert.ok(answer?.status === 200 || answer?.status === 504, `${answer?.status}`);
      overruns.push(stoppedAt - (service.at + service.timeoutMs));
      t.diagnostic(
        `given ${shortRouteMs}, ${bff.timeoutMs}, ${service.timeoutMs} ms; stopped ${stoppedAt - sentAt} ms after it was sent`,
      );
    }
    t.diagnostic(`after the time that the service knew: ${overruns} ms`);
    assert.ok(median(overruns) < slackMs, `stopped ${overruns} ms too late`);
  });

  test('a call has no more time than the BFF gives one, though the route would', async (t) => {
    const overruns: number[] = [];
    for (let trial = 0; trial < trials; trial += 1) {
      const stoppedAt = await whileLocked(() => ask('p2'));
      const [bff, service] = [atBff.at(-1) as Seen, atService.at(-1) as Seen];
      assert.ok(
        bff.timeoutMs > 9_000 && service.timeoutMs < 600,
        `${bff.timeoutMs}, ${service.timeoutMs} ms`,
      );
      overruns.push(stoppedAt - (service.at + service.timeoutMs));
    }
    t.diagnostic(`after the time that the service knew: ${overruns} ms`);
    assert.ok(median(overruns) < slackMs, `stopped ${overruns} ms too late`);
  });

  test('when the client goes away, the query made for it ends', async (t) => {
    const overruns: number[] = [];
    for (let trial = 0; trial < trials; trial += 1) {
      const leaving = new AbortController();
      let leftAt = 0;
      const leave = () => {
        leftAt = Date.now();
        leaving.abort();
      };
      const stoppedAt = await whileLocked(() => assert.rejects(ask('p2', leaving.signal)), leave);
      overruns.push(stoppedAt - leftAt);
    }
    t.diagnostic(`after the client had gone: ${overruns} ms`);
    assert.ok(median(overruns) < slackMs, `stopped ${overruns} ms too late`);
  });
});

function seen(headers: Readonly<Record<string, unknown>>): Seen {
  return { at: Date.now(), timeoutMs: Number(headers['portico-timeout-ms']) };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function until(done: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + 10_000;
  while (!(await done())) assert.ok(Date.now() < giveUpAt, 'not within 10 s');
}
