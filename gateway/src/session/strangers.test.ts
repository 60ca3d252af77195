import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { parseRedisUrl } from '@portico/coherent-cache/redis-address.ts';
import { connectToRedis } from '@portico/coherent-cache/redis-connection.ts';
import { findRedis, startRedis } from '@portico/testing/engines.ts';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';
import { forkGateway } from '../gateway-process.fixture.ts';
import { newSessionToken } from './session-id.ts';
import { client, startTestProvider, type TestProvider } from './test-provider.fixture.ts';
import { createTestBrowser } from './test-sign-in.fixture.ts';

/** What one stranger may leave in the gateway: the count of its address for a minute. */
const maxBytesEach = 1_000;
const atOnce = 20;

async function startGateway(t: TestContext, settings: Readonly<Record<string, string>> = {}) {
  const provider = await startTestProvider();
  const execArgv = ['--expose-gc', '--import', new URL('tell-heap.fixture.ts', import.meta.url).href];
  const gateway = forkGateway(
    {
      ...signInSettings,
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: client.id,
      OIDC_CLIENT_SECRET: client.secret,
      WEB_URL: 'http://127.0.0.1:1',
      MOBILE_URL: 'http://127.0.0.1:1',
      SITE_URL: 'http://127.0.0.1:1',
      LOG_LEVEL: 'info',
      ...settings,
    },
    execArgv,
  );
  let said = '';
  for (const stream of [gateway.stdout, gateway.stderr]) {
    stream?.on('data', (chunk) => {
      said += chunk;
    });
  }
  t.after(async () => {
    gateway.kill('SIGKILL');
    await provider.close();
  });
  const [{ ready }] = await once(gateway, 'message');
  return { gateway, provider, url: ready.url as string, said: () => said };
}

async function heapOf(gateway: ChildProcess): Promise<number> {
  const told = once(gateway, 'message');
  gateway.send('heap');
  const [{ heap }] = await told;
  return heap;
}

/** The n-th of the addresses of this machine. */
const addressOf = (n: number) =>
  `127.${1 + Math.floor(n / 62_500)}.${Math.floor(n / 250) % 250}.${2 + (n % 250)}`;

/** A visitor at an address of its own, on one connection. */
function createVisitor(url: string, n: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: addressOf(n) });
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const asked = request(new URL(path, url), { agent, headers });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    await text(answer);
    return answer;
  };
  return { get, leave: () => agent.destroy() };
}

/** Each of so many strangers does all that one can who has no account; gives what they were answered. */
async function visit(url: string, from: number, count: number, issuer: string) {
  const statuses = new Map<string, number>();
  const one = async (n: number) => {
    const { get, leave } = createVisitor(url, n);
    const begun = await get('/auth/login?returnTo=/x');
    const query = (state: string) => new URLSearchParams({ state, code: 'invented-code', iss: issuer });
    const state = new URL(begun.headers.location ?? '').searchParams.get('state') ?? '';
    const cookie = begun.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    const forged = { cookie: `portico=${newSessionToken()}`, 'portico-csrf': '1' };
    const answers = [
      begun,
      await get(n % 2 === 0 ? '/auth/session' : '/graphql', forged),
      await get(`/auth/callback?${query(newSessionToken())}`, { cookie }),
      ...(n % 10 < 3 ? [await get(`/auth/callback?${query(state)}`, { cookie })] : []),
    ];
    const all = answers.map(({ statusCode }) => statusCode).join(' ');
    statuses.set(all, (statuses.get(all) ?? 0) + 1);
    leave();
  };
  let next = from;
  const work = async () => {
    while (next < from + count) await one(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return Object.fromEntries([...statuses].sort());
}

async function signIn(url: string, provider: TestProvider, sub: string) {
  for (;;) {
    const user = createTestBrowser(url, provider);
    const { status } = await user.signIn({ sub });
    if (status === 303) return user;
    // A Redis on a machine that is busy may take longer than it has: that is said, and tried again.
    assert.equal(status, 503);
  }
}

const noAddresses = process.platform === 'linux' ? false : 'this machine has one address';
const noRedis = findRedis() === undefined ? 'no Redis installed' : false;

test('ten thousand strangers leave nothing, and users sign in meanwhile', {
  skip: noAddresses,
}, async (t) => {
  const { gateway, provider, url, said } = await startGateway(t);
  const users = [await signIn(url, provider, 'c1')];
  // Code is compiled, connections are made.
  await visit(url, 0, 500, provider.issuer);
  const before = await heapOf(gateway);
  const count = 10_000;
  for (let from = 500; from < 500 + count; from += 2_500) {
    const visits = visit(url, from, 2_500, provider.issuer);
    users.push(await signIn(url, provider, `c${users.length + 1}`));
    assert.deepEqual(await visits, { '302 401 400': 1_750, '302 401 400 401': 750 });
  }
  const grown = (await heapOf(gateway)) - before;
  t.diagnostic(`${Math.round(grown / count)} bytes for each stranger`);
  assert.ok(grown < count * maxBytesEach, `${grown} bytes`);
  for (const user of users) assert.equal((await user.get('/auth/session')).status, 200);
  assert.ok(!/invented-code|state=|eyJ/.test(said()));
  assert.match(said(), /"reason":"unknown"/);
});

test('strangers leave no session, group or mark in Redis', { skip: noAddresses || noRedis }, async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const { provider, url } = await startGateway(t, { REDIS_URL: redis.url });
  const asked = connectToRedis(parseRedisUrl(redis.url));
  t.after(() => asked.disconnect());
  await once(asked, 'ready');
  const visits = await visit(url, 0, 1_000, provider.issuer);
  const unavailable = Object.keys(visits).filter((all) => all.includes('503'));
  const keys = await asked.keys('portico:session*');
  assert.ok(keys.length <= unavailable.reduce((sum, all) => sum + (visits[all] ?? 0), 0));
  await signIn(url, provider, 'c1');
  // The session, the mark of its sign-in, and its two groups.
  assert.ok((await asked.keys('portico:session*')).length >= keys.length + 4);
});
