import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDemoConfig } from './config.ts';
import { processTable } from './processes.ts';
import { levels } from './supervisor.ts';

function table(env: Readonly<Record<string, string>>) {
  let port = 20_000;
  return processTable(
    { ...readDemoConfig(env), tokenKey: 'k'.repeat(48) },
    () => (port += 1),
    'http://127.0.0.1:1',
  );
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
    'identity',
    'capture',
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
  assert.equal(settings?.DATABASES, 'catalog,inventory,hub');
  assert.equal(settings?.CAPTURED, 'catalog,inventory');
});

test('capture reads the databases of the services that run, after they have filled them', () => {
  const [capture, ...others] = table({ PORTICO_MOCK: 'reviews,customers' }).filter(
    ({ level }) => level === 'capture',
  );
  assert.deepEqual(others, []);
  const databases = { hub: 'postgres://hub', catalog: 'postgres://c', inventory: 'postgres://i' };
  const captures = { catalog: 'postgres://capture@c', inventory: 'postgres://capture@i' };
  const { ADMIN_PORT, ...env } =
    capture?.env({ postgres: { url: 'postgres://x', databases, captures } }) ?? {};
  assert.match(String(ADMIN_PORT), /^\d+$/);
  assert.deepEqual(env, {
    HUB_URL: databases.hub,
    CAPTURE_CATALOG_URL: captures.catalog,
    CAPTURE_INVENTORY_URL: captures.inventory,
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
    assert.equal(reviews?.HUB_URL, undefined);
  }
});

test('with every service mocked there is no PostgreSQL and nothing to capture', () => {
  assert.ok(!names({ PORTICO_MOCK: 'all' }).includes('postgres'));
  assert.ok(!names({ PORTICO_MOCK: 'all' }).includes('capture'));
  assert.ok(!names({ PORTICO_MOCK: 'all', DATABASE_URL: 'postgres://db/x' }).includes('postgres'));
});
