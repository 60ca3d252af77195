import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, startRedis, type TestPostgres, type TestRedis } from '@portico/testing/engines.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import pg from 'pg';
import { type Program, startProgram } from '../programs.fixture.ts';
import { type CuttableProxy, startCuttableProxy } from './cuttable-proxy.fixture.ts';

/** A program that is started again, where it was, when it is killed. */
export interface Unkillable {
  readonly url: string;
  readonly admin: string;
  /** SIGKILL, then a pause, then a new start; resolves when it serves again. */
  kill(pause: () => Promise<void>): Promise<void>;
  /** SIGSTOP, then a pause, then SIGCONT. */
  freeze(pause: () => Promise<void>): Promise<void>;
  stop(): Promise<unknown>;
}

/** A BFF, and its own way to the hub. */
export interface Front extends Unkillable {
  readonly name: string;
  readonly kind: 'web' | 'mobile';
  readonly hub: CuttableProxy;
}

/** The whole shop as processes: databases, Redis, services, capture, web BFFs and as many mobile ones. */
export interface ShopUnderTest {
  /** In the order of `serviceNames`. */
  readonly services: readonly Unkillable[];
  readonly catalog: Unkillable;
  readonly inventory: Unkillable;
  readonly capture: Unkillable;
  /** With `sells`, by name: payments, shipping, and two instances of orders. */
  readonly sellers: Readonly<Record<string, Unkillable>>;
  readonly postgres: TestPostgres;
  readonly redis: TestRedis;
  readonly fronts: readonly Front[];
  readonly issuer: TokenIssuer;
  /** Starts another BFF, with these settings as well; those that are undefined are left out. */
  startFront(
    kind: Front['kind'],
    number: number,
    settings?: Readonly<Record<string, string | undefined>>,
  ): Promise<Front>;
  /** Runs statements in a service's database, behind its back. */
  sql(service: 'catalog' | 'inventory', text: string, values?: readonly unknown[]): Promise<void>;
  close(): Promise<void>;
}

const sellerNames = ['payments', 'shipping', 'orders'] as const;

export const serviceNames = ['catalog', 'inventory', 'reviews', 'customers'] as const;

export interface ShopOptions {
  /** With what takes, pays and sends orders; two instances of the service orders. */
  readonly sells?: boolean;
  /** How many of each BFF; two when left out. */
  readonly instances?: number;
}

/** @param productCount how many products the shop has: p1 and following */
export async function startShopUnderTest(
  productCount: number,
  { sells = false, instances = 2 }: ShopOptions = {},
): Promise<ShopUnderTest> {
  const closing: (() => Promise<unknown>)[] = [];
  let closed = false;
  const close = async () => {
    closed = true;
    for (const end of closing.splice(0).reverse()) await end();
  };
  const keep = <Part>(part: Part, end: (part: Part) => Promise<unknown>): Part => {
    // One that comes up after another one has failed to.
    if (closed) void end(part);
    else closing.push(() => end(part));
    return part;
  };
  try {
    const names = sells ? [...serviceNames, ...sellerNames] : serviceNames;
    const databases = [...names, 'hub'];
    const [postgres, redis, issuer] = await Promise.all([
      startPostgres({ databases, captured: names }).then((one) => keep(one, () => one.stop())),
      startRedis().then((one) => keep(one, () => one.stop())),
      startTokenIssuer().then((one) => keep(one, () => one.close())),
    ]);
    await waitForTheLog(postgres.url, databases);
    const hubUrl = String(postgres.databases.hub);
    const start = async (path: string, env: Record<string, string | undefined>) =>
      keep(await startUnkillable(path, env), (one) => one.stop());
    const identity = { OIDC_ISSUER: issuer.issuer };
    const services = await Promise.all(
      serviceNames.map((name) =>
        start(`mock-services/${name}/src/main.ts`, {
          ...identity,
          DATABASE_URL: postgres.databases[name],
          PORTICO_DEMO_PRODUCTS: String(productCount),
        }),
      ),
    );
    const perService = <Value>(suffix: string, values: readonly Value[]) =>
      Object.fromEntries(serviceNames.map((name, at) => [`${name.toUpperCase()}_URL${suffix}`, values[at]]));
    const captures = names.map((name) => [`CAPTURE_${name.toUpperCase()}_URL`, postgres.captures[name]]);
    const serviceUrls = perService(
      '',
      services.map(({ url }) => url),
    );
    const sellers: Record<string, Unkillable> = {};
    if (sells) {
      const at = (name: string, more = {}) =>
        start(`mock-services/${name}/src/main.ts`, {
          ...identity,
          DATABASE_URL: postgres.databases[name],
          ...more,
        });
      const [payments, shipping] = await Promise.all([
        at('payments'),
        at('shipping', { SHIPMENT_LEAVES_AFTER_MS: '2000' }),
      ]);
      const beside = {
        ...serviceUrls,
        PAYMENTS_URL: payments.url,
        SHIPPING_URL: shipping.url,
        HUB_URL: hubUrl,
        ORDERS_CLIENT_SECRET: 'the issuer of this test asks for none',
      };
      const [one, two] = await Promise.all([at('orders', beside), at('orders', beside)]);
      Object.assign(sellers, { payments, shipping, 'orders 1': one, 'orders 2': two });
    }
    const capture = await start('packages/change-stream/src/capture/main.ts', {
      HUB_URL: hubUrl,
      ...Object.fromEntries(captures),
    });
    const urls = { ...serviceUrls, ORDERS_URL: sellers['orders 1']?.url };
    const startFront: ShopUnderTest['startFront'] = async (kind, number, more = {}) => {
      const hub = keep(await startCuttableProxy(hubUrl), (one) => one.close());
      const front = await start(`bffs/${kind}/src/main.ts`, {
        ...identity,
        ...urls,
        REDIS_URL: redis.url,
        HUB_URL: hub.url,
        PORTICO_TOKEN_KEY: 'a key that only the BFFs of this test know',
        ...more,
      });
      return { ...front, name: `${kind} ${number}`, kind, hub };
    };
    const numbers = Array.from({ length: instances }, (_, index) => index + 1);
    const fronts = await Promise.all(
      (['web', 'mobile'] as const).flatMap((kind) => numbers.map((number) => startFront(kind, number))),
    );
    const pools = Object.fromEntries(
      (['catalog', 'inventory'] as const).map((name) => {
        const pool = new pg.Pool({ connectionString: String(postgres.databases[name]), max: 4 });
        pool.on('error', () => {});
        return [name, keep(pool, () => pool.end())];
      }),
    );
    const [catalog, inventory] = services as [Unkillable, Unkillable];
    return {
      services,
      catalog,
      inventory,
      capture,
      sellers,
      postgres,
      redis,
      fronts,
      startFront,
      issuer,
      sql: async (service, text, values = []) => void (await pools[service]?.query(text, [...values])),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs statements as the superuser of the server. */
export async function asAdmin({ postgres }: ShopUnderTest, ...statements: string[]): Promise<void> {
  const admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
  try {
    for (const statement of statements) await admin.query(statement);
  } finally {
    await admin.end();
  }
}

/** Statements after which nobody is connected to a database, or can be. */
export const refuseAll = (database: string) => [
  `alter database ${database} allow_connections false`,
  `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}'`,
];

/** As in production, and not as in other tests, what is acknowledged is in the log: capture reads it from there, and a crash keeps it. */
async function waitForTheLog(url: string, databases: readonly string[]): Promise<void> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  // What the server was started with counts more than its own files, and less than this.
  for (const database of databases)
    await admin.query(`alter database ${database} set synchronous_commit = on`);
  await admin.end();
}

async function startUnkillable(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Unkillable> {
  // What is compiled once is there at the next start, which makes it short.
  const settings = { NODE_COMPILE_CACHE: join(tmpdir(), 'portico-compiled'), ...env };
  let program: Program = await startProgram(path, settings);
  const { url, admin } = program;
  const again = { ...settings, PORT: new URL(url).port, ADMIN_PORT: new URL(admin).port };
  return {
    url,
    admin,
    kill: async (pause) => {
      const { child } = program;
      child.kill('SIGKILL');
      await once(child, 'exit');
      await pause();
      program = await startProgram(path, again);
    },
    freeze: async (pause) => {
      program.child.kill('SIGSTOP');
      await pause();
      program.child.kill('SIGCONT');
    },
    stop: () => program.stop(),
  };
}
