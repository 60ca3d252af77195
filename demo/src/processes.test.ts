import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDemoConfig } from './config.ts';
import { processTable } from './processes.ts';
import { levels } from './supervisor.ts';

const secret = 'known-to-capture-and-to-who-posts-alone';

function table(env: Readonly<Record<string, string>>) {
  let port = 20_000;
  const secrets = {
    tokenKey: 'k'.repeat(48),
    masterKey: 'm'.repeat(48),
    postSecret: secret,
    ordersSecret: 'o'.repeat(32),
    gatewaySecret: 'g'.repeat(48),
    sessionSecret: 's'.repeat(48),
  };
  return processTable({ ...readDemoConfig(env), ...secrets }, () => (port += 1), 'http://127.0.0.1:1');
}
const names = (env: Readonly<Record<string, string>>) => table(env).map(({ name }) => name);

test('without settings every service runs, beside its engines', () => {
  const all = [
    'postgres',
    'redis',
    'catalog',
    'inventory',
    'reviews',
    'customers',
    'orders',
    'payments',
    'shipping',
    'identity',
    'capture',
    'lake',
    'web',
    'mobile',
    'gateway',
  ];
  assert.deepEqual(names({}), all);
  assert.ok(table({}).every(({ args }) => args === undefined));
});

test('a mocked service is played from its document under the same name, and no database is made for it', () => {
  const specs = table({ PORTICO_MOCK: 'reviews,customers' });
  assert.deepEqual(
    specs.flatMap(({ name, program, args = [] }) => (args[0] === 'mock' ? [[name, program, args[1]]] : [])),
    ['reviews', 'customers'].map((name) => [
      name,
      specs[4]?.program,
      `${import.meta.dirname.replace('demo/src', '')}packages/contracts/openapi/${name}.yaml`,
    ]),
  );
  const settings = specs.find(({ name }) => name === 'postgres')?.env({});
  assert.equal(settings?.DATABASES, 'catalog,inventory,orders,payments,shipping,hub,keys');
  assert.equal(settings?.CAPTURED, 'catalog,inventory,orders,payments,shipping');
});

test('capture reads the databases of the services that run, after they have filled them', () => {
  const [capture, ...others] = table({ PORTICO_MOCK: 'reviews,customers,orders,payments' }).filter(
    ({ level }) => level === 'capture',
  );
  assert.deepEqual(others, []);
  const databases = {
    hub: 'postgres://hub',
    keys: 'postgres://keys',
    catalog: 'postgres://c',
    inventory: 'postgres://i',
    shipping: 'postgres://s',
  };
  const captures = {
    catalog: 'postgres://capture@c',
    inventory: 'postgres://capture@i',
    shipping: 'postgres://capture@s',
  };
  const { PORT, ADMIN_PORT, ...env } =
    capture?.env({ postgres: { url: 'postgres://x', databases, captures } }) ?? {};
  for (const port of [PORT, ADMIN_PORT]) assert.match(String(port), /^\d+$/);
  assert.deepEqual(env, {
    HUB_URL: databases.hub,
    PERSONAL_KEYS_URL: databases.keys,
    PERSONAL_MASTER_KEY: 'm'.repeat(48),
    CAPTURE_CATALOG_URL: captures.catalog,
    CAPTURE_INVENTORY_URL: captures.inventory,
    CAPTURE_SHIPPING_URL: captures.shipping,
  });
  assert.ok(levels.indexOf('services') < levels.indexOf('capture'));
  assert.ok(levels.indexOf('capture') < levels.indexOf('bffs'));
});

test('the catalog knows the hub and where reviews will be, whether that runs or is played', () => {
  for (const PORTICO_MOCK of ['', 'reviews']) {
    const specs = table({ PORTICO_MOCK });
    const ready = { postgres: { url: 'postgres://x', databases: { hub: 'postgres://hub' } } };
    const [catalog, reviews] = ['catalog', 'reviews'].map((name) =>
      specs.find((spec) => spec.name === name)?.env(ready),
    );
    assert.equal(catalog?.HUB_URL, 'postgres://hub');
    assert.equal(catalog?.REVIEWS_URL, `http://127.0.0.1:${reviews?.PORT}`);
  }
});

test('reviews hears of customers who were forgotten, unless customers is played', () => {
  const ready = { postgres: { url: 'postgres://x', databases: { hub: 'postgres://hub' } } };
  for (const PORTICO_MOCK of ['', 'customers']) {
    const specs = table({ PORTICO_MOCK });
    const [reviews, customers] = ['reviews', 'customers'].map((name) =>
      specs.find((spec) => spec.name === name)?.env(ready),
    );
    const { HUB_URL, CUSTOMERS_URL } = reviews ?? {};
    const expected =
      PORTICO_MOCK === ''
        ? ['postgres://hub', `http://127.0.0.1:${customers?.PORT}`]
        : [undefined, undefined];
    assert.deepEqual([HUB_URL, CUSTOMERS_URL], expected);
  }
});

test('inventory posts to capture, is captured, or says nothing', () => {
  const postgres = {
    url: 'postgres://x',
    databases: { hub: 'postgres://hub', inventory: 'postgres://i' },
    captures: { inventory: 'postgres://capture@i' },
  };
  const settings = (how: string) => {
    const specs = table({ PORTICO_INVENTORY_CHANGES: how });
    const of = (name: string) => specs.find((spec) => spec.name === name)?.env({ postgres });
    return { engine: of('postgres'), inventory: of('inventory'), capture: of('capture'), web: of('web') };
  };
  const log = settings('log');
  assert.equal(log.capture?.CAPTURE_INVENTORY_URL, postgres.captures.inventory);
  assert.deepEqual([log.inventory?.CHANGES_URL, log.web?.SILENT_SERVICES], [undefined, undefined]);

  const post = settings('post');
  assert.equal(post.engine?.CAPTURED, 'catalog,reviews,customers,orders,payments,shipping');
  assert.equal(post.inventory?.CHANGES_URL, `http://127.0.0.1:${post.capture?.PORT}`);
  assert.deepEqual([post.inventory?.CHANGES_SECRET, post.capture?.POST_INVENTORY_SECRET], [secret, secret]);
  assert.deepEqual([post.capture?.CAPTURE_INVENTORY_URL, post.web?.SILENT_SERVICES], [undefined, undefined]);

  const none = settings('none');
  assert.equal(none.web?.SILENT_SERVICES, 'inventory');
  assert.equal(none.engine?.CAPTURED, 'catalog,reviews,customers,orders,payments,shipping');
  const said = [
    none.inventory?.CHANGES_URL,
    none.capture?.CAPTURE_INVENTORY_URL,
    none.capture?.POST_INVENTORY_SECRET,
  ];
  assert.deepEqual(said, [undefined, undefined, undefined]);
});

test('with every service mocked there is no PostgreSQL and nothing to capture', () => {
  assert.ok(!names({ PORTICO_MOCK: 'all' }).includes('postgres'));
  for (const name of ['capture', 'lake']) assert.ok(!names({ PORTICO_MOCK: 'all' }).includes(name));
  assert.ok(!names({ PORTICO_MOCK: 'all', DATABASE_URL: 'postgres://db/x' }).includes('postgres'));
});
