import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');

/** Which workspaces each workspace may import. Packages stand leaf first: one may import those before it. */
const packages = ['contracts', 'runtime', 'service-client', 'coherent-cache'].map(
  (name) => `packages/${name}`,
);
const mayImport: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(packages.map((name, index) => [name, packages.slice(0, index)])),
  'packages/testing': packages,
  gateway: packages,
  'bffs/web': packages,
  'bffs/mobile': packages,
  'mock-services/catalog': packages,
  'mock-services/inventory': packages,
  'mock-services/reviews': packages,
  'mock-services/customers': packages,
  cli: ['gateway', ...packages],
  demo: packages,
};

const workspaceOfPackage = new Map(
  Object.keys(mayImport).map((workspace) => [
    JSON.parse(readFileSync(join(root, workspace, 'package.json'), 'utf8')).name as string,
    workspace,
  ]),
);

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

function workspaceOf(path: string): string {
  const parts = path.split('/');
  return ['bffs', 'mock-services', 'packages'].includes(parts[0] ?? '')
    ? parts.slice(0, 2).join('/')
    : (parts[0] ?? '');
}

function importsOf(file: string): Import[] {
  const from = workspaceOf(file);
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map(
    (match) => match[1] ?? '',
  );
  return specifiers.flatMap((specifier) => {
    if (specifier.startsWith('.'))
      return [{ file, from, to: workspaceOf(normalize(join(dirname(file), specifier))) }];
    const name = /^(@portico\/[^/]+)/.exec(specifier)?.[1];
    return name === undefined ? [] : [{ file, from, to: workspaceOfPackage.get(name) ?? name }];
  });
}

const files = globSync('{gateway,cli,demo,bffs/*,mock-services/*,packages/*}/src/**/*.ts', { cwd: root });
const crossing = files.flatMap(importsOf).filter(({ from, to }) => from !== to);

test('a workspace imports only what the table in ARCHITECTURE.md lets it import', () => {
  const isTest = (file: string) => /\.(test|contract)\.ts$/.test(file);
  const forbidden = crossing.filter(({ file, from, to }) => {
    if (to === 'packages/testing') return !isTest(file);
    return !mayImport[from]?.includes(to);
  });
  assert.deepEqual(forbidden, []);
  assert.ok(crossing.length > 50, 'the imports were found');
});

test('the table names every workspace there is', () => {
  const folders = globSync('{gateway,cli,demo,bffs/*,mock-services/*,packages/*}/package.json', {
    cwd: root,
  });
  assert.deepEqual(folders.map(dirname).sort(), Object.keys(mayImport).sort());
});

test('a workspace declares every package that it imports', () => {
  for (const workspace of Object.keys(mayImport)) {
    const manifest = JSON.parse(readFileSync(join(root, workspace, 'package.json'), 'utf8'));
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    const own = crossing.filter(({ from }) => from === workspace).map(({ to }) => to);
    const missing = [...new Set(own)].filter((to) => {
      const name = [...workspaceOfPackage].find(([, folder]) => folder === to)?.[0] ?? to;
      return !declared.includes(name);
    });
    assert.deepEqual(missing, [], `${workspace}/package.json`);
  }
});
