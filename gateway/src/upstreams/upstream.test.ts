import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { createMetrics } from '@portico/runtime/metrics.ts';
import {
  end,
  httpAnswer,
  reset,
  type Script,
  startScriptedServer,
} from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import {
  answersOk,
  porticoTable,
  startTestGateway,
  type TestGatewayOptions,
} from '../test-gateway.fixture.ts';
import { createUpstreamMetrics, summarizeUpstreams, type UpstreamStatuses } from './upstream-metrics.ts';

interface StartThreeOptions extends Pick<TestGatewayOptions, 'metrics' | 'upstreamMetrics'> {
  readonly others?: Script;
  readonly timeoutMs?: number;
}

/** A gateway in front of three targets, of which the first does what it is told. */
async function startThree(
  t: TestContext,
  misbehave: Script,
  { others = answersOk, timeoutMs = 300, ...options }: StartThreeOptions = {},
) {
  const targets = await Promise.all([misbehave, others, others].map((script) => startScriptedServer(script)));
  t.after(() => Promise.all(targets.map((target) => target.close())));
  const [route] = porticoTable('http://x').routes;
  assert.ok(route);
  const table = {
    upstreams: { u: { targets: targets.map(({ url }) => url) } },
    routes: [
      {
        ...route,
        path: '/*',
        upstream: 'u',
        timeoutMs,
      },
    ],
  };
  const limits = { connectTimeoutMs: 200 };
  const gateway = await startTestGateway(t, () => [], { table, limits, ...options });
  return { ...gateway, targets };
}

const statusesOf = (url: string, count: number, method: 'get' | 'post' = 'get') =>
  Promise.all(Array.from({ length: count }, async () => (await request(url)[method]('/').send()).status));

for (const [name, script] of Object.entries<Script>({
  'closes without an answer': () => [end],
  resets: () => [reset],
  'answers garbage': () => ['what?\r\n\r\n', end],
  'answers 500': () => [httpAnswer(500, 'broken')],
  hangs: () => [],
})) {
  test(`a target that ${name} is left out, and reads see no error any more`, async (t) => {
    const { url, targets } = await startThree(t, script);
    for (let round = 0; targets[0] && targets[0].requests.length < 5; round += 1) {
      assert.ok(round < 40, 'the target was asked five times');
      await statusesOf(url, 5);
    }
    const before = targets[0]?.requests.length;
    assert.deepEqual(new Set(await statusesOf(url, 40)), new Set([200]));
    assert.equal(targets[0]?.requests.length, before);
  });
}

test('a read that a target fails is answered by another one', async (t) => {
  const { url, targets } = await startThree(t, () => [reset]);
  const failing = targets[0];
  for (let n = 0; n < 100 && failing?.requests.length === 0; n += 1) await request(url).get('/').expect(200);
  assert.equal(failing?.requests.length, 1);
});

test('the other target is told how much time is left then', async (t) => {
  const timeouts: number[] = [];
  const note: Script = ({ fields }) => {
    timeouts.push(Number(new Map(fields).get('portico-timeout-ms')));
    return [httpAnswer(200)];
  };
  async function* failsLater() {
    const startedAt = Date.now();
    while (Date.now() < startedAt + 20) await new Promise((resolve) => setImmediate(resolve));
    yield reset;
  }
  const { url, targets } = await startThree(t, failsLater, { others: note, timeoutMs: 60_000 });
  for (let n = 0; n < 100 && targets[0]?.requests.length === 0; n += 1)
    await request(url).get('/').expect(200);
  const last = timeouts.pop() ?? 0;
  assert.ok(last <= 59_880 && last > 0, `${last} ms`);
  assert.ok(timeouts.every((timeoutMs) => timeoutMs === 59_900));
});

for (const [name, script] of Object.entries<Script>({
  'go away before they are answered': () => [],
  'are told 501': () => [httpAnswer(501, 'not here')],
})) {
  test(`requests whose clients ${name} say nothing against a target`, async (t) => {
    const { url, gateway, targets } = await startThree(t, script, { others: script, timeoutMs: 60_000 });
    for (let n = 0; n < 30; n += 1) {
      const arriving = Promise.race(targets.map((target) => target.next()));
      const gone = new AbortController();
      const answering = fetch(url, { signal: gone.signal }).catch(() => undefined);
      const { ended } = await arriving;
      if (name.startsWith('go')) gone.abort();
      await answering;
      if (name.startsWith('go')) await ended;
    }
    assert.deepEqual(new Set(gateway.status().u?.map(({ state }) => state)), new Set(['available']));
    assert.equal(
      targets.reduce((sum, { requests }) => sum + requests.length, 0),
      30,
    );
  });
}

test('tries, retries and ejections are counted by upstream, and by target where that one is known', async (t) => {
  const metrics = createMetrics('gateway');
  let state = (): UpstreamStatuses => ({});
  const upstreamMetrics = createUpstreamMetrics(metrics, () => state());
  const { url, gateway, targets } = await startThree(t, () => [reset], { metrics, upstreamMetrics });
  state = gateway.status;
  const [failing] = targets;
  for (let round = 0; failing && failing.requests.length < 5; round += 1) {
    assert.ok(round < 40, 'the target was asked five times');
    await statusesOf(url, 5);
  }

  const { u } = await summarizeUpstreams(upstreamMetrics, gateway.status());
  const asked = targets.map(({ requests }) => requests.length);
  const answered = asked.slice(1).reduce((sum, count) => sum + count, 0);
  assert.deepEqual(u?.outcomes, { '2xx': answered, 'bad-upstream': asked[0] });
  assert.ok(u?.retries > 0 && u.retries <= (asked[0] ?? 0));
  assert.deepEqual(
    u?.targets.map(({ ejections }) => ejections),
    [1, 0, 0],
  );
  const text = await metrics.registry.metrics();
  const labels = (at: number) => `{upstream="u",target="${targets[at]?.url}",process="gateway"}`;
  assert.ok(text.includes(`portico_upstream_ejections_total${labels(0)} 1\n`));
  assert.ok(text.includes(`portico_upstream_target_available${labels(1)} 1\n`));
  assert.ok(text.includes(`portico_upstream_requests_in_flight${labels(1)} 0\n`));
});

test('retries stay at a tenth of the requests', async (t) => {
  const servers = await Promise.all([1, 2].map(() => startScriptedServer(() => [reset])));
  t.after(() => Promise.all(servers.map((server) => server.close())));
  const [route] = porticoTable('http://x').routes;
  assert.ok(route);
  const table = {
    upstreams: { u: { targets: servers.map(({ url }) => url) } },
    routes: [{ ...route, path: '/*', upstream: 'u' }],
  };
  const { url } = await startTestGateway(t, () => [], { table });
  for (let n = 0; n < 40; n += 1) await request(url).get('/').expect(502);
  const asked = servers.reduce((sum, { requests }) => sum + requests.length, 0);
  assert.ok(asked >= 41 && asked <= 44, `${asked} requests arrived`);
});

test('a command that finds nobody at a target goes to another one, with its body', async (t) => {
  const gone = await startScriptedServer(() => []);
  const bodies: (string | undefined)[] = [];
  const there = await startScriptedServer(async function* ({ body }) {
    bodies.push(await body);
    yield httpAnswer(200);
  });
  t.after(() => there.close());
  await gone.close();
  const route = porticoTable('http://x').routes.find(({ path }) => path === '/graphql');
  assert.ok(route);
  const table = { upstreams: { web: { targets: [gone.url, there.url] } }, routes: [route] };
  const { url, gateway } = await startTestGateway(t, () => [], { table });
  let failed = 0;
  for (let sent = 0; gateway.status().web?.[0]?.state !== 'ejected'; sent += 1) {
    assert.ok(sent < 200, 'the one that is gone was tried');
    const { status } = await request(url).post('/graphql').send(`{"number":${sent}}`);
    if (status !== 200) failed += 1;
    else assert.equal(bodies.pop(), `{"number":${sent}}`);
  }
  // Five find it gone; the first of them goes elsewhere, later ones as the budget for it allows.
  assert.ok(failed <= 4, `${failed} failed`);
});

test('a command is sent to one target only, whatever becomes of it', async (t) => {
  const servers = await Promise.all([1, 2].map(() => startScriptedServer(() => [reset])));
  t.after(() => Promise.all(servers.map((server) => server.close())));
  const route = porticoTable('http://x').routes.find(({ path }) => path === '/graphql');
  assert.ok(route);
  const table = { upstreams: { web: { targets: servers.map(({ url }) => url) } }, routes: [route] };
  const { url } = await startTestGateway(t, () => [], { table });
  await request(url).post('/graphql').send('{}').expect(502);
  assert.equal(
    servers.reduce((sum, { requests }) => sum + requests.length, 0),
    1,
  );
});

test('a target whose health path fails is not used until it passes', async (t) => {
  let healthy = false;
  let asked = 0;
  const sick = createServer((req, res) => {
    if (req.url === '/health') res.writeHead(healthy ? 200 : 503).end();
    else {
      asked += 1;
      res.end('sick');
    }
  }).listen(0, '127.0.0.1');
  const well = await startScriptedServer(() => [httpAnswer(200, 'well')]);
  t.after(async () => {
    sick.close();
    sick.closeAllConnections();
    await well.close();
  });
  const [route] = porticoTable('http://x').routes;
  assert.ok(route);
  const { port } = sick.address() as { port: number };
  const health = { path: '/health', intervalMs: 10, timeoutMs: 1_000 };
  const table = {
    upstreams: { u: { targets: [`http://127.0.0.1:${port}`, well.url], health } },
    routes: [{ ...route, path: '/*', upstream: 'u' }],
  };
  const { url, gateway } = await startTestGateway(t, () => [], { table });
  const until = async (state: string) => {
    while (gateway.status().u?.[0]?.state !== state) await new Promise((resolve) => setImmediate(resolve));
  };
  await until('unhealthy');
  assert.deepEqual(new Set(await statusesOf(url, 20)), new Set([200]));
  assert.equal(asked, 0);
  healthy = true;
  await until('available');
  await statusesOf(url, 30);
  assert.ok(asked > 0);
});
