import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDemoConfig } from './config.ts';
import { processTable } from './processes.ts';

function table(env: Readonly<Record<string, string>>) {
  let port = 20_000;
  return processTable(readDemoConfig(env), () => (port += 1), 'http://127.0.0.1:1');
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

test('with every service mocked there is no PostgreSQL', () => {
  assert.ok(!names({ PORTICO_MOCK: 'all' }).includes('postgres'));
  assert.ok(!names({ PORTICO_MOCK: 'all', DATABASE_URL: 'postgres://db/x' }).includes('postgres'));
});
