import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createTestBff } from '@portico/bff-mobile/mobile-bff.fixture.ts';
import { createTestWeb } from '@portico/bff-web/web-bff.fixture.ts';
import { client, startTestProvider } from '@portico/gateway/session/test-provider.fixture.ts';
import { createTestBrowser } from '@portico/gateway/session/test-sign-in.fixture.ts';
import { readGatewayFile } from '@portico/gateway/table/read-gateway-file.ts';
import { toRouteTable } from '@portico/gateway/table/route-table.ts';
import { answersOk, startTestGateway } from '@portico/gateway/test-gateway.fixture.ts';
import { createTokenVerifier } from '@portico/runtime/access-token.ts';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { findRedis, startRedis } from '@portico/testing/engines.ts';
import { startShopServices } from '@portico/testing/shop-services.ts';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';

/** Two users, by a session and by a token, and somebody who is nobody. */
interface Somebody {
  readonly sub: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
}

/** Portico's own gateway and BFFs with all levels of their caches, over services that can be told to fail. */
async function startFront(t: TestContext) {
  const shop = await startShopServices();
  const provider = await startTestProvider();
  const redis = findRedis() === undefined ? undefined : await startRedis();
  const verifyToken = createTokenVerifier({ issuer: provider.issuer, audience: 'portico' });
  const parts = { urls: shop.urls, verifyToken, redisUrl: redis?.url };
  const web = createTestWeb({ ...parts, callTimeoutMs: 300 });
  const mobile = createTestBff(shop.urls, {
    verifyToken,
    ...(redis && { redisUrl: redis.url }),
    callTimeoutMs: 300,
  });
  const served = await Promise.all([serve(web.app), serve(mobile.app)]);
  t.after(async () => {
    for (const { server } of served) {
      server.close();
      server.closeAllConnections();
    }
    await Promise.all([web.close(), mobile.close(), shop.close(), provider.close(), redis?.stop()]);
  });
  const file = fileURLToPath(new URL('../gateway/gateway.yaml', import.meta.url));
  const env = {
    ...signInSettings,
    WEB_URL: served[0].url,
    MOBILE_URL: served[1].url,
    SITE_URL: served[0].url,
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: client.id,
    OIDC_CLIENT_SECRET: client.secret,
  };
  const { url } = await startTestGateway(t, answersOk, {
    table: () => toRouteTable(readGatewayFile(file, env)),
  });
  const bySession = async (sub: string): Promise<Somebody> => {
    const browser = createTestBrowser(url, provider);
    await browser.signIn({ sub });
    return { sub, fields: { cookie: browser.cookies(), 'portico-csrf': '1' } };
  };
  const byToken = async (sub: string): Promise<Somebody> => ({
    sub,
    fields: { authorization: `Bearer ${await provider.mint({ sub })}` },
  });
  const people = [
    await bySession('c1'),
    await bySession('c2'),
    await byToken('c1'),
    await byToken('c2'),
    { sub: undefined, fields: {} },
  ];
  return { url, shop, people };
}

async function serve(app: RequestListener) {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const query = '{ me { displayName } product(sku: "p1") { name price { amount } } }';
const graphql = '/graphql';
const asks: readonly ((url: string, fields: Somebody['fields'], signal: AbortSignal) => Promise<Response>)[] =
  [
    (url, fields, signal) => fetch(`${url}/api/v1/me`, { headers: fields, signal }),
    (url, fields, signal) => fetch(`${url}/auth/session`, { headers: fields, signal }),
    (url, fields, signal) =>
      fetch(`${url}${graphql}?query=${encodeURIComponent(query)}`, { headers: fields, signal }),
    (url, fields, signal) =>
      fetch(`${url}${graphql}`, {
        method: 'POST',
        headers: { ...fields, 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
        signal,
      }),
  ];
const publicPaths = ['/api/v1/products/p7', '/api/v1/products?limit=5', '/api/v1/home'];

/** What an answer says of its user: the marks of every customer that it names as the one who asks. */
function marksOf(body: string): string[] {
  const { id, sub, data } = JSON.parse(body) as {
    id?: string;
    sub?: string;
    data?: { me?: { displayName: string } | null };
  };
  const name = data?.me?.displayName.replace('Customer ', 'c');
  return [id, sub, name].filter((mark) => mark !== undefined && /^c\d+$/.test(mark)) as string[];
}

/**
 * Sends `count` requests, sixteen at a time, each of another user than the one before; services fail and requests are
 * given up at random. Each answer may fail, but is of its own user.
 * @returns how many answers named their user, and how many were public
 */
export async function alternateUsers(t: TestContext, count: number, seed: number) {
  const { url, shop, people } = await startFront(t);
  const random = createRandom(seed);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const seen = { own: 0, public: 0, failed: 0 };

  const askOwn = async ({ sub, fields }: Somebody, signal: AbortSignal, what: string) => {
    const answer = await pick(asks)(url, fields, signal);
    const body = await answer.text();
    const marks = marksOf(body);
    assert.ok(
      marks.every((mark) => mark === sub),
      `${what}, of ${sub}: ${body}`,
    );
    if (sub !== undefined) assert.match(answer.headers.get('cache-control') ?? '', /private|no-store/, what);
    if (marks.length > 0) seen.own += 1;
    else if (sub !== undefined) seen.failed += 1;
  };
  const askPublic = async ({ sub, fields }: Somebody, signal: AbortSignal, what: string) => {
    const answer = await fetch(url + pick(publicPaths), { headers: fields, signal });
    await answer.text();
    if (sub !== undefined) assert.match(answer.headers.get('cache-control') ?? '', /private|no-store/, what);
    seen.public += 1;
  };
  const ask = async (n: number) => {
    const giveUp = new AbortController();
    const timer = random() < 0.1 ? setTimeout(() => giveUp.abort(), random() * 20) : undefined;
    const who = people[n % people.length] as Somebody;
    const run = random() < 0.75 ? askOwn : askPublic;
    try {
      await run(who, giveUp.signal, `request ${n} with the seed ${seed}`);
    } catch (error) {
      if (!giveUp.signal.aborted || error instanceof assert.AssertionError) throw error;
    } finally {
      clearTimeout(timer);
    }
  };

  let next = 0;
  const worker = async () => {
    while (next < count) {
      const n = next++;
      if (n % 100 === 0)
        shop.setFault('customers', n % 400 === 300 ? pick(['fail', 'reset', 'garble'] as const) : undefined);
      await ask(n);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return seen;
}
