import { Agent } from 'node:http';
import type { TestContext } from 'node:test';
import { createMetrics, type Metrics } from '@portico/runtime/metrics.ts';
import type { Script } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { parseGatewayFile } from '../table/read-gateway-file.ts';
import { toRouteTable } from '../table/route-table.ts';
import { answersOk, startTestGateway, type TestGatewayOptions } from '../test-gateway.fixture.ts';
import { createMemorySessionStore } from './memory-session-store.ts';
import { createSessionMetrics } from './session-metrics.ts';
import type { SessionStore } from './session-store.ts';
import { client, startTestProvider, type TestProvider, type TestUser } from './test-provider.fixture.ts';

export interface SignInGatewayOptions extends TestGatewayOptions {
  readonly provider?: TestProvider;
  readonly store?: SessionStore;
  readonly now?: () => number;
  readonly metrics?: Metrics;
  readonly secrets?: readonly string[];
  readonly script?: Script;
  /** Lines of the oidc block. */
  readonly oidc?: Readonly<Record<string, string | number>>;
  /** The upstream of all routes, in YAML; one of the scripted server alone when left out. */
  readonly upstream?: (url: string) => string;
  /** False: access tokens mean nothing to the gateway. */
  readonly jwt?: boolean;
}

const secret = 'a session secret of this test, 32+';
const ways = ['none', 'optional', 'required'] as const;

/** A gateway where users sign in, with a route for each way of auth: `/none`, `/optional`, `/required`. */
export async function startSignInGateway(t: TestContext, options: SignInGatewayOptions = {}) {
  const provider = options.provider ?? (await startTestProvider());
  if (options.provider === undefined) t.after(() => provider.close());
  const { now = Date.now, metrics = createMetrics('gateway') } = options;
  const { store = createMemorySessionStore({ now }) } = options;
  const { secrets = [secret], script = answersOk, oidc = {}, jwt = true } = options;
  const { upstream = (url) => `{ targets: ["${url}"] }`, ...others } = options;
  const routes = ways.map(
    (auth) => `  - { path: /${auth}, upstream: web, methods: [GET, POST], auth: ${auth}, webSocket: {} }`,
  );
  const fileFor = (url: string) => `
upstreams: { web: ${upstream(url)} }
${jwt ? `jwt: { issuer: "${provider.issuer}", audience: portico }` : ''}
oidc:
${Object.entries({ ...settingsOf(provider), ...oidc })
  .map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`)
  .join('\n')}
routes:
${routes.join('\n')}
  - { path: /lax, upstream: web, methods: [GET, POST], auth: optional, csrf: none }
  - { path: /told, upstream: web, auth: optional, unknownUser: tell }
`;
  const started = await startTestGateway(t, script, {
    ...others,
    metrics,
    sessions: { store, secrets, now, metrics: createSessionMetrics(metrics) },
    table: (url) => toRouteTable(parseGatewayFile(fileFor(url), 'gateway.yaml', {})),
  });
  return {
    ...started,
    provider,
    store,
    metrics,
    browser: (address?: string) => createTestBrowser(started.url, provider, address),
  };
}

function settingsOf({ issuer }: TestProvider) {
  const { id: clientId, secret: clientSecret } = client;
  return { issuer, clientId, clientSecret, publicUrl: 'http://localhost:8080', scope: 'openid shop' };
}

export type TestBrowser = ReturnType<typeof createTestBrowser>;

/** What scripts of the gateway's own pages send with every request. */
export const ownScript = { 'Portico-CSRF': '1' } as const;

/**
 * Keeps cookies, and follows no redirect by itself.
 * @param localAddress where it is
 */
export function createTestBrowser(url: string, provider: TestProvider, localAddress?: string) {
  const agent = localAddress === undefined ? undefined : new Agent({ localAddress });
  const jar = new Map<string, string>();
  const send = async (
    method: 'get' | 'post',
    path: string,
    fields: Readonly<Record<string, string>> = ownScript,
  ) => {
    const asked = request(url)[method](path);
    const answer = await (agent === undefined ? asked : asked.agent(agent))
      .redirects(0)
      .ok(() => true)
      .set({ ...(jar.size > 0 ? { cookie: cookieField(jar) } : {}), ...fields });
    for (const field of setCookies(answer)) keep(jar, field);
    return answer;
  };
  const get = (path: string, fields?: Readonly<Record<string, string>>) => send('get', path, fields);
  const begin = async (returnTo = '/') => {
    const answer = await get(`/auth/login?${new URLSearchParams({ returnTo })}`, {});
    return String(answer.headers.location);
  };
  return {
    jar,
    get,
    post: (path: string, fields?: Readonly<Record<string, string>>) => send('post', path, fields),
    /** Gives the address at the provider. */
    begin,
    signIn: async (user: TestUser = {}, returnTo = '/') =>
      get(provider.authorize(await begin(returnTo), user), {}),
    /** The `Cookie` field that it sends. */
    cookies: () => cookieField(jar),
  };
}

function cookieField(jar: ReadonlyMap<string, string>): string {
  return [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
}

/** The `Set-Cookie` fields of an answer. */
export function setCookies({ headers }: { readonly headers: unknown }): string[] {
  const field = (headers as Record<string, string | string[] | undefined>)['set-cookie'];
  return field === undefined ? [] : [field].flat();
}

function keep(jar: Map<string, string>, field: string): void {
  const [pair = ''] = field.split(';', 1);
  const [name = '', value = ''] = pair.split('=', 2);
  if (/; max-age=0\b/i.test(field)) jar.delete(name);
  else jar.set(name, value);
}
