/** Every gateway and BFF is restarted, one after the other, while requests come in at a steady rate. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { startShopServices } from '@portico/testing/shop-services.ts';
import { type Program, startProgram } from './programs.fixture.ts';

const requestsPerSecond = 200;
const restTimeMs = 10_000;

/** A program that can be started again where it was. */
interface Instance {
  readonly name: string;
  readonly url: string;
  readonly admin: string;
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<unknown>;
}

async function startInstance(
  name: string,
  path: string,
  env: Record<string, string>,
  ports: readonly [string, string],
): Promise<Instance> {
  let program: Program = await startProgram(path, env);
  const { url, admin } = program;
  const again = { ...env, [ports[0]]: new URL(url).port, [ports[1]]: new URL(admin).port };
  return {
    name,
    url,
    admin,
    restart: async () => {
      const toldAt = performance.now();
      assert.equal(await program.stop(), 0, name);
      const tookMs = performance.now() - toldAt;
      assert.ok(tookMs < restTimeMs, `${name} took ${tookMs} ms to stop`);
      program = await startProgram(path, again);
    },
    stop: () => program.stop(),
  };
}

/** Sends requests as a load balancer does: to instances that are ready, over kept and new connections in turn. */
function startLoad(gateways: readonly Instance[]) {
  const keptConnections = new Agent({ keepAlive: true });
  const ready = new Set(gateways);
  const counts = { sent: 0, answered: 0, kept: 0 };
  const failures: string[] = [];
  const underWay = new Set<Promise<void>>();

  const check = async (gateway: Instance) => {
    // No answer in time says that this machine has too much to do, and nothing of the gateway.
    const isReady = await fetch(`${gateway.admin}/readyz`, { signal: AbortSignal.timeout(500) }).then(
      ({ ok }) => ok,
      (error: Error) => error.name === 'TimeoutError' && ready.has(gateway),
    );
    if (isReady) ready.add(gateway);
    else ready.delete(gateway);
  };
  const send = async (number: number) => {
    const choice = [...ready];
    const gateway = choice[number % choice.length];
    const post = number % 4 < 2;
    const kept = number % 3 > 0;
    if (kept) counts.kept += 1;
    const asked = request(
      `${gateway?.url ?? 'http://no-gateway-is-ready.invalid'}${post ? '/graphql' : '/api/v1/products/p1'}`,
      {
        agent: kept ? keptConnections : false,
        method: post ? 'POST' : 'GET',
        headers: post ? { 'content-type': 'application/json' } : {},
      },
    );
    asked.end(post ? JSON.stringify({ query: '{ product(sku: "p1") { name } }' }) : undefined);
    try {
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      const body = await text(answer);
      // On a machine that has too much to do a part may be late; the page comes without it.
      const isPage = answer.statusCode === 200 && (post ? 'data' : 'id') in JSON.parse(body);
      assert.ok(isPage, `${answer.statusCode} ${body}`);
      counts.answered += 1;
    } catch (error) {
      failures.push(`${post ? 'POST' : 'GET'} to ${gateway?.name}, ${kept ? 'kept' : 'new'}: ${error}`);
    }
  };
  const startedAt = performance.now();
  const sending = setInterval(() => {
    const due = ((performance.now() - startedAt) / 1_000) * requestsPerSecond;
    while (counts.sent < due) {
      const sent = send(counts.sent).finally(() => underWay.delete(sent));
      underWay.add(sent);
      counts.sent += 1;
    }
  }, 5);
  const checking = setInterval(() => void Promise.all(gateways.map(check)), 100);

  return {
    counts,
    failures,
    isReady: (gateway: Instance) => ready.has(gateway),
    stop: async () => {
      clearInterval(sending);
      await Promise.all(underWay);
      clearInterval(checking);
      keptConnections.destroy();
    },
  };
}

test('a rolling restart of gateways and BFFs under 200 requests a second loses none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portico-rolling-'));
  const shop = await startShopServices();
  const instances: Instance[] = [];
  let load: ReturnType<typeof startLoad> | undefined;
  t.after(async () => {
    await load?.stop();
    await Promise.all(instances.map(({ stop }) => stop()));
    await shop.close();
    rmSync(folder, { recursive: true });
  });
  const start = async (...instance: Parameters<typeof startInstance>) => {
    instances.push(await startInstance(...instance));
    return instances.at(-1) as Instance;
  };

  const services = Object.entries(shop.urls).map(([name, url]) => [`${name.toUpperCase()}_URL`, url]);
  const startBffs = (name: string) =>
    Promise.all(
      [1, 2].map((number) =>
        start(`${name} ${number}`, `bffs/${name}/src/main.ts`, Object.fromEntries(services), [
          'PORT',
          'ADMIN_PORT',
        ]),
      ),
    );
  const [web, mobile] = [await startBffs('web'), await startBffs('mobile')];
  const upstream = (bffs: readonly Instance[]) =>
    JSON.stringify({ targets: bffs.map(({ url }) => url), health: { path: '/readyz', intervalMs: 100 } });
  const file = join(folder, 'gateway.yaml');
  writeFileSync(
    file,
    `upstreams:
  web: ${upstream(web)}
  mobile: ${upstream(mobile)}
routes:
  - { path: /graphql, upstream: web, methods: [GET, POST] }
  - { path: /api/*, upstream: mobile }
`,
  );
  const gateways = await Promise.all(
    [1, 2].map((number) =>
      start(`gateway ${number}`, 'gateway/src/main.ts', { PORTICO_CONFIG: file }, [
        'PORTICO_PORT',
        'PORTICO_ADMIN_PORT',
      ]),
    ),
  );

  load = startLoad(gateways);
  const { counts, failures, isReady } = load;
  /** Every gateway is used, and uses every BFF. */
  const settled = async () => {
    const states = await Promise.all(
      gateways.map(async ({ admin }) => JSON.stringify(await (await fetch(`${admin}/upstreams`)).json())),
    );
    return gateways.every(isReady) && states.every((state) => !/unhealthy|ejected/.test(state));
  };
  await until(async () => counts.answered > requestsPerSecond);
  for (const instance of instances) {
    await until(settled);
    const before = performance.now();
    await instance.restart();
    t.diagnostic(`${instance.name}: restarted in ${Math.round(performance.now() - before)} ms`);
  }
  await until(settled);
  await load.stop();

  const { sent, answered, kept } = counts;
  t.diagnostic(`${sent} requests, ${kept} of them over kept connections: ${answered} answered`);
  assert.deepEqual(failures.slice(0, 20), []);
  assert.equal(answered, sent);
});

async function until(done: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + 30_000;
  while (!(await done())) {
    assert.ok(Date.now() < giveUpAt, 'not within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
