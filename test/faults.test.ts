/** Faults in the programs as they run: both BFFs and a service, with an event in the hub that no view of orders understands. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { FaultSummary } from '@portico/change-stream/faults/fault-desk.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { findRedis, startPostgres, startRedis } from '@portico/testing/engines.ts';
import { type Program, startProgram } from './programs.fixture.ts';

type Listed = FaultSummary & { readonly processes: readonly string[] };
const program = join(import.meta.dirname, '../cli/src/main.ts');
const nobody = 'http://127.0.0.1:1';
const running: Program[] = [];
const ends: (() => Promise<unknown>)[] = [];
const skip = findRedis() === undefined ? 'no redis-server or valkey-server on PATH' : false;

let web: Program;
let mobiles: readonly [Program, Program];
let catalog: Program;
before(async () => {
  if (skip) return;
  const postgres = await startPostgres({ databases: ['hub', 'catalog'] });
  ends.push(postgres.stop);
  const redis = await startRedis();
  ends.push(redis.stop);
  const hub = createPostgresEventHub({ url: String(postgres.databases.hub), log: silentLogger });
  const writer = await hub.writer('orders', AbortSignal.timeout(10_000));
  const events = [
    { id: 'e1', type: 'order-event-appended', key: 'o1:2', data: { before: null, after: { no: 1 } } },
  ];
  await writer.append([
    { source: 'orders', offset: { log: 'orders', at: '1' }, xid: '1', committedAt: Date.now(), events },
  ]);
  await writer.release();
  await hub.close();
  const HUB_URL = postgres.databases.hub;
  const services = { CATALOG_URL: nobody, INVENTORY_URL: nobody, REVIEWS_URL: nobody, CUSTOMERS_URL: nobody };
  const start = async (path: string, env: Readonly<Record<string, string | undefined>>) => {
    const started = await startProgram(path, { HUB_URL, ...env });
    running.push(started);
    return started;
  };
  const bff = { ...services, REDIS_URL: redis.url };
  web = await start('bffs/web/src/main.ts', bff);
  mobiles = [await start('bffs/mobile/src/main.ts', bff), await start('bffs/mobile/src/main.ts', bff)];
  const own = { DATABASE_URL: postgres.databases.catalog, REVIEWS_URL: nobody, PORTICO_DEMO_PRODUCTS: '1' };
  catalog = await start('mock-services/catalog/src/main.ts', own);
});
after(async () => {
  await Promise.all(running.map((started) => started.stop()));
  for (const end of ends.reverse()) await end();
});

function faults(args: readonly string[], programs: readonly Program[]) {
  const asked = programs.flatMap(({ admin }) => ['--admin', admin]);
  return new Promise<{ status: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [program, 'faults', ...args, ...asked], (error, stdout, stderr) => {
      resolve({ status: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}
const list = async (programs: readonly Program[]): Promise<Listed[]> =>
  JSON.parse((await faults(['list', '--json'], programs)).stdout);

test('what the views of both BFFs do not understand is listed, kept over a kill, tried again, and discarded', {
  skip,
  timeout: 120_000,
}, async () => {
  const [mobile, other] = mobiles;
  const all = [web, mobile, other, catalog];
  let found: Listed[] = [];
  while (found.length < 2) found = await list(all);
  const byConsumer = new Map(found.map((fault) => [fault.consumer, fault]));
  assert.deepEqual([...byConsumer.keys()].sort(), ['mobile orders', 'web orders']);
  const { id = '', processes, event, error, codeVersion = '' } = byConsumer.get('mobile orders') ?? {};
  assert.deepEqual(processes, [mobile.admin, other.admin]);
  assert.deepEqual([event?.key, error?.name], ['o1:2', 'TypeError']);
  assert.match(codeVersion, /^1, build [\w-]{8}$/);
  assert.equal((await fetch(`${mobile.admin}/readyz`)).status, 200);
  const metrics = await (await fetch(`${mobile.admin}/metrics`)).text();
  assert.match(metrics, /^portico_faults\{[^}]*consumer="mobile orders"[^}]*\} 1$/m);

  const killed = once(mobile.child, 'exit');
  mobile.child.kill('SIGKILL');
  await killed;
  running.splice(running.indexOf(mobile), 1);
  const rest = [web, other];
  assert.deepEqual((await faults(['resubmit', id], rest)).stderr, `${id} failed again, and stays\n`);
  const again = (await list(rest)).find((fault) => fault.id === id);
  assert.deepEqual([again?.tries, again?.processes], [2, [other.admin]]);
  const unreached = await faults(['list'], all);
  assert.equal(unreached.status, 1);
  assert.ok(unreached.stderr.startsWith(`${mobile.admin} `));
  for (const fault of found) assert.equal((await faults(['discard', fault.id], rest)).status, 0);
  assert.deepEqual(await faults(['list'], rest), { status: 0, stdout: 'no faults\n', stderr: '' });
});
