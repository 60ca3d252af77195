import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');

/** Which workspaces each workspace may import. Packages stand leaf first: one may import those before it. */
const chain = ['contracts', 'runtime', 'service-client', 'change-stream', 'coherent-cache'].map(
  (name) => `packages/${name}`,
);
const packages = [...chain, 'packages/event-lake'];
const mayImport: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(chain.map((name, index) => [name, chain.slice(0, index)])),
  'packages/event-lake': chain.slice(0, chain.indexOf('packages/coherent-cache')),
  'packages/testing': packages,
  gateway: packages,
  'bffs/web': packages,
  'bffs/mobile': packages,
  'mock-services/catalog': packages,
  'mock-services/inventory': packages,
  'mock-services/reviews': packages,
  'mock-services/customers': packages,
  'mock-services/payments': packages,
  'mock-services/shipping': packages,
  'mock-services/orders': packages,
  'mock-services/identity': packages,
  cli: ['gateway', ...packages],
  demo: packages,
  benchmarks: ['gateway', ...packages],
};

const workspaceOfPackage = new Map(
  Object.keys(mayImport).map((workspace) => [manifestOf(workspace).name, workspace]),
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

function specifiersOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:^import|^} from|^(?:im|ex)port .* from|\bimport\()\s*'([^']+)'/gm)].map(
    (match) => match[1] ?? '',
  );
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: object;
  readonly devDependencies?: object;
  readonly optionalDependencies?: object;
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
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

const files = globSync('{gateway,cli,demo,benchmarks,bffs/*,mock-services/*,packages/*}/src/**/*.ts', {
  cwd: root,
});
const crossing = files.flatMap(importsOf).filter(({ from, to }) => from !== to);

test('a workspace imports only what the table in ARCHITECTURE.md lets it import', () => {
  const isTest = (file: string) => /\.(test|contract|fixture|cases|torture)\.ts$/.test(file);
  const forbidden = crossing.filter(({ file, from, to }) => {
    if (to === 'packages/testing') return !isTest(file);
    return !mayImport[from]?.includes(to);
  });
  assert.deepEqual(forbidden, []);
  assert.ok(crossing.length > 50, 'the imports were found');
});

test('the table names every workspace there is', () => {
  const folders = globSync('{gateway,cli,demo,benchmarks,bffs/*,mock-services/*,packages/*}/package.json', {
    cwd: root,
  });
  assert.deepEqual(folders.map(dirname).sort(), Object.keys(mayImport).sort());
});

test('a workspace declares every package that it imports', () => {
  // What only tests and types need stands once, at the top.
  const shared = Object.keys(manifestOf('.').devDependencies ?? {});
  for (const workspace of Object.keys(mayImport)) {
    const { dependencies, devDependencies, optionalDependencies } = manifestOf(workspace);
    const own = { ...dependencies, ...devDependencies, ...optionalDependencies };
    const declared = [...Object.keys(own), ...shared];
    const imported = files
      .filter((file) => file.startsWith(`${workspace}/`))
      .flatMap(specifiersOf)
      .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
      .map((specifier) =>
        specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/'),
      );
    const missing = [...new Set(imported)].filter((name) => !declared.includes(name));
    assert.deepEqual(missing, [], `${workspace}/package.json`);
  }
});
