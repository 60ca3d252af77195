import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type DemoConfig, repositoryDir } from './config.ts';
import { serviceNames } from './service-names.ts';
import type { ProcessSpec, ReadyByName } from './supervisor.ts';

/** Programs and their settings, from what the demo was told. */
export type TableConfig = Omit<DemoConfig, 'baseEnv'> & {
  /** What the tokens of clients are signed with. */
  readonly tokenKey: string;
  /** What a service proves itself with that posts its changes. */
  readonly postSecret: string;
  /** What the keys of customers are wrapped by. */
  readonly masterKey: string;
  /** What the service `orders` proves itself with at the OpenID provider. */
  readonly ordersSecret: string;
  /** What the gateway proves itself with at the OpenID provider. */
  readonly gatewaySecret: string;
  /** What the gateway seals sessions with. */
  readonly sessionSecret: string;
};

/** How many ports `processTable` takes at the most: two a service, and those of the engines, identity, capture, lake, BFFs and gateway. */
export const mostPorts = 2 * serviceNames.length + 13;

/**
 * What runs, as one list.
 * @param takePort gives a free port that nobody else gets. A process has the same ports each time that it is started.
 */
export function processTable(config: TableConfig, takePort: () => number, siteUrl: string): ProcessSpec[] {
  const entry = (name: string, level: ProcessSpec['level'], path: string, env: ProcessSpec['env']) => {
    return { name, level, program: join(repositoryDir, path), env };
  };
  const listening = (port = takePort()) => ({ PORT: port, ADMIN_PORT: takePort(), PORTICO_DEMO: 'true' });
  const engine = (name: string, env: Env = {}) => {
    const own = { PORTICO_ENGINE_DIR: join(config.dataDir, name), PORTICO_ENGINE_PORT: takePort(), ...env };
    return entry(name, 'engines', `demo/src/engines/${name}.ts`, () => settings(own));
  };
  const gatewayPort = config.port || takePort();
  const signIns = {
    OIDC_CLIENT_ID: config.oidcClientId,
    OIDC_CLIENT_SECRET: config.gatewaySecret,
    PORTICO_PUBLIC_URL: config.publicUrl ?? `http://localhost:${gatewayPort}`,
  };
  const identityPort = config.identityPort || takePort();
  const oidcIssuer = config.oidcIssuer ?? `http://127.0.0.1:${identityPort}`;
  const identity = () => {
    const own = {
      ADMIN_PORT: takePort(),
      PORTICO_DEMO: 'true',
      PORTICO_IDENTITY_PORT: identityPort,
      PORTICO_IDENTITY_DIR: join(config.dataDir, 'identity'),
      ORDERS_CLIENT_SECRET: config.ordersSecret,
      ...signIns,
    };
    return entry('identity', 'services', 'mock-services/identity/src/main.ts', () => settings(own));
  };
  const posts = (name: string) => name === 'inventory' && config.inventoryChanges === 'post';
  const capturePort = takePort();
  // Services start at the same time: who asks another one has to know its address before it is there.
  const servicePorts: Readonly<Record<string, number>> = Object.fromEntries(
    serviceNames.map((name) => [name, takePort()]),
  );
  const urlOf = (name: string) => `http://127.0.0.1:${servicePorts[name]}`;
  /** Of whom a service asks or hears something. */
  const beside = (name: string, { postgres }: ReadyByName): Env => {
    const HUB_URL = postgres?.databases?.hub;
    if (name === 'catalog') return { HUB_URL, REVIEWS_URL: urlOf('reviews') };
    // Who plays customers has forgotten nobody.
    if (name === 'reviews' && !mocked('customers')) return { HUB_URL, CUSTOMERS_URL: urlOf('customers') };
    if (name !== 'orders') return {};
    const asked = ['catalog', 'inventory', 'payments', 'shipping'];
    const urls = Object.fromEntries(asked.map((one) => [`${one.toUpperCase()}_URL`, urlOf(one)]));
    return { HUB_URL, ...urls, ORDERS_CLIENT_SECRET: config.ordersSecret };
  };
  const service = (name: string) => {
    const own = {
      ...listening(servicePorts[name]),
      PORTICO_DEMO_PRODUCTS: config.products,
      OIDC_ISSUER: oidcIssuer,
      ...(posts(name) && {
        CHANGES_URL: `http://127.0.0.1:${capturePort}`,
        CHANGES_SECRET: config.postSecret,
      }),
    };
    const env = (ready: ReadyByName) =>
      settings({ ...own, ...beside(name, ready), DATABASE_URL: ready.postgres?.databases?.[name] });
    return entry(name, 'services', `mock-services/${name}/src/main.ts`, env);
  };
  const mock = (name: string) => {
    const own = listening(servicePorts[name]);
    const document = join(repositoryDir, `packages/contracts/openapi/${name}.yaml`);
    return { ...entry(name, 'services', 'cli/src/main.ts', () => settings(own)), args: ['mock', document] };
  };
  const capture = (names: readonly string[]) => {
    const posting = Object.fromEntries(
      names.filter(posts).map((name) => [`POST_${name.toUpperCase()}_SECRET`, config.postSecret]),
    );
    const own = {
      PORT: capturePort,
      ADMIN_PORT: takePort(),
      PERSONAL_MASTER_KEY: config.masterKey,
      ...posting,
    };
    const env = ({ postgres }: ReadyByName) => {
      const urls = names
        .filter(isCaptured)
        .map((name) => [`CAPTURE_${name.toUpperCase()}_URL`, postgres?.captures?.[name]]);
      const { hub: HUB_URL, keys: PERSONAL_KEYS_URL } = postgres?.databases ?? {};
      return settings({ ...own, HUB_URL, PERSONAL_KEYS_URL, ...Object.fromEntries(urls) });
    };
    return entry('capture', 'capture', 'packages/change-stream/src/capture/main.ts', env);
  };
  const lakeUrl = pathToFileURL(join(config.dataDir, 'lake')).href;
  const lake = () => {
    const own = {
      ADMIN_PORT: takePort(),
      LAKE_URL: lakeUrl,
      // Whoever tries it out wants to see soon what just happened.
      LAKE_SEGMENT_SECONDS: 5,
    };
    const env = ({ postgres }: ReadyByName) => settings({ ...own, HUB_URL: postgres?.databases?.hub });
    return entry('lake', 'bffs', 'packages/event-lake/src/main.ts', env);
  };
  const bff = (name: string) => {
    const own = { ...listening(), OIDC_ISSUER: oidcIssuer, PORTICO_TOKEN_KEY: config.tokenKey };
    const env = (ready: ReadyByName) =>
      settings({
        ...own,
        ...serviceUrls(ready),
        REDIS_URL: config.redisUrl ?? ready.redis?.url,
        HUB_URL: ready.postgres?.databases?.hub,
        LAKE_URL: lakeUrl,
        SILENT_SERVICES: config.inventoryChanges === 'none' ? 'inventory' : undefined,
      });
    return entry(name, 'bffs', `bffs/${name}/src/main.ts`, env);
  };
  const gateway = () => {
    const own = {
      PORTICO_PORT: gatewayPort,
      PORTICO_ADMIN_PORT: config.adminPort || takePort(),
    };
    const env = ({ web, mobile, redis }: ReadyByName) =>
      settings({
        ...own,
        REDIS_URL: config.redisUrl ?? redis?.url,
        WEB_URL: web?.url,
        MOBILE_URL: mobile?.url,
        SITE_URL: siteUrl,
        OIDC_ISSUER: oidcIssuer,
        ...signIns,
        PORTICO_SESSION_SECRET: config.sessionSecret,
      });
    return entry('gateway', 'edge', 'gateway/src/main.ts', env);
  };

  const mocked = (name: string) => config.mocked.some((one) => one === name);
  const run = serviceNames.filter((name) => !mocked(name));
  const isCaptured = (name: string) => name !== 'inventory' || config.inventoryChanges === 'log';
  const databases = {
    DATABASES: [...run, 'hub', 'keys'].join(','),
    CAPTURED: run.filter(isCaptured).join(','),
    DATABASE_URL: config.databaseUrl,
  };

  return [
    ...(run.length > 0 ? [engine('postgres', databases)] : []),
    ...(config.redisUrl === undefined ? [engine('redis')] : []),
    ...serviceNames.map((name) => (mocked(name) ? mock(name) : service(name))),
    ...(config.oidcIssuer === undefined ? [identity()] : []),
    ...(run.length > 0 ? [capture(run), lake()] : []),
    bff('web'),
    bff('mobile'),
    gateway(),
  ];
}

type Env = Readonly<Record<string, string | number | undefined>>;

function serviceUrls(ready: ReadyByName): Env {
  return Object.fromEntries(serviceNames.map((name) => [`${name.toUpperCase()}_URL`, ready[name]?.url]));
}

function settings(env: Env): Record<string, string> {
  const given = Object.entries(env).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}
