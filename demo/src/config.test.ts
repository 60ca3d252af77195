import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { readDemoConfig, repositoryDir } from './config.ts';

test('without settings the demo runs on 8080 and keeps its data in the repository', () => {
  const { port, adminPort, identityPort, dataDir, products, databaseUrl, oidcIssuer } = readDemoConfig({});
  assert.deepEqual(
    { port, adminPort, identityPort, dataDir, products, databaseUrl, oidcIssuer },
    {
      port: 8080,
      adminPort: 9901,
      identityPort: 8081,
      dataDir: resolve(repositoryDir, '.portico'),
      products: 1000,
      databaseUrl: undefined,
      oidcIssuer: undefined,
    },
  );
});

for (const [env, message] of [
  [{ PORTICO_PORT: '80a' }, /^PORTICO_PORT must be an integer from 0 to 65535, got "80a"$/],
  [{ PORTICO_ADMIN_PORT: '70000' }, /^PORTICO_ADMIN_PORT must be/],
  [{ PORTICO_DEMO_PRODUCTS: '0' }, /^PORTICO_DEMO_PRODUCTS must be an integer from 1 to 100000/],
  [{ DATABASE_URL: 'mysql://user:hidden@host' }, /^DATABASE_URL must be a postgres:\/\/ URL(?!.*hidden)/],
  [{ REDIS_URL: 'localhost' }, /^REDIS_URL must be a redis:\/\//],
  [
    { PORTICO_MOCK: 'reviews,carts' },
    /^PORTICO_MOCK must be "all" or name services out of catalog, inventory, reviews, customers, orders, payments, shipping, got "carts"$/,
  ],
  [{ PORTICO_MOCK: 'all,reviews' }, /^PORTICO_MOCK must be .* got "all"$/],
  [{ PORTICO_PORT: '9901' }, /^PORTICO_PORT and PORTICO_ADMIN_PORT must differ, both are 9901$/],
  [{ PORTICO_PORT: '8081' }, /^PORTICO_PORT and PORTICO_IDENTITY_PORT must differ, both are 8081$/],
  [
    { OIDC_ISSUER: 'localhost' },
    /^OIDC_ISSUER must be the http:\/\/ or https:\/\/ URL of an OpenID provider/,
  ],
] as const) {
  test(`${JSON.stringify(env)} is refused in one line`, () => {
    assert.throws(() => readDemoConfig(env), { name: 'ConfigError', message });
  });
}

test('services are mocked by name or all together', () => {
  const mocked = (text: string) => readDemoConfig({ PORTICO_MOCK: text }).mocked;
  assert.deepEqual(mocked(''), []);
  assert.deepEqual(mocked('reviews, catalog'), ['catalog', 'reviews']);
  assert.deepEqual(mocked('all'), [
    'catalog',
    'inventory',
    'reviews',
    'customers',
    'orders',
    'payments',
    'shipping',
  ]);
});

test('processes inherit the environment, but for what the demo or a PostgreSQL client would take for settings', () => {
  const env = {
    PATH: '/bin',
    LOG_LEVEL: 'debug',
    PORT: '1',
    CATALOG_URL: 'x',
    OIDC_ISSUER: 'https://id.example',
    PGSSLMODE: 'require',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
    OTEL_SERVICE_NAME: 'one-for-all',
    PORTICO_X: 'y',
  };
  assert.deepEqual(readDemoConfig(env).baseEnv, {
    PATH: '/bin',
    LOG_LEVEL: 'debug',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
  });
});
