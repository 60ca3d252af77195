import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly resolved?: string;
}

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const entries = Object.entries(lock.packages as Record<string, Locked>).filter(
  ([path, { link }]) => path.includes('node_modules/') && !link,
);

/** Below these versions there are known holes or bugs that we would feel; raise one when you learn of more. */
const minimum: Readonly<Record<string, string>> = {
  express: '5.1.0',
  'http-proxy-middleware': '4.0.0',
  'graphql-yoga': '5.21.0',
  graphql: '17.0.0',
  ioredis: '5.8.0',
  undici: '8.0.0',
  pg: '8.16.0',
  'oidc-provider': '9.5.0',
  koa: '3.0.3',
  jose: '6.1.0',
  'body-parser': '2.2.1',
  'path-to-regexp': '8.4.0',
  qs: '6.14.1',
};

test('every dependency has a licence', () => {
  const without = entries.filter(
    ([, { license }]) => license === undefined || /^(UNLICENSED|SEE)/.test(license),
  );
  assert.deepEqual(
    without.map(([path]) => path),
    [],
  );
});

test('no dependency is older than its known holes', () => {
  for (const [name, version] of Object.entries(minimum)) {
    const found = entries.filter(([path]) => path.endsWith(`node_modules/${name}`));
    assert.ok(found.length > 0, `${name} is not installed: take it off the table`);
    for (const [path, locked] of found) {
      assert.ok(
        compareVersions(locked.version ?? '0', version) >= 0,
        `${path} is ${locked.version}, needs ${version}`,
      );
    }
  }
});

test('there is one graphql, as two of them break every plugin', () => {
  assert.equal(entries.filter(([path]) => path.endsWith('node_modules/graphql')).length, 1);
});

test('the lock file names packages, not download addresses', () => {
  const addresses = entries.filter(([, { resolved }]) => resolved !== undefined);
  assert.deepEqual(addresses, []);
});

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('-')[0]?.split('.').map(Number) ?? []);
  for (let part = 0; part < 3; part += 1) {
    const difference = (left?.[part] ?? 0) - (right?.[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
