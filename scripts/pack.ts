/**
 * `npm run pack`: builds the packages that others install, and packs them as `dist/*.tgz`.
 * `node scripts/pack.ts <name>` puts everything into `dist/<name>`.
 *
 * Below node_modules Node runs no TypeScript, so an installed package is JavaScript with types beside it. A module keeps
 * its name: `@portico/runtime/log.ts` is `src/log.ts` in the repository and `dist/log.js` in the package.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  /** What an installed package needs beside its modules. */
  readonly files?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
}

/** Leaf first: a package is built with the types of those before it. */
const published = [
  'packages/contracts',
  'packages/runtime',
  'packages/service-client',
  'packages/change-stream',
  'packages/event-lake',
  'packages/coherent-cache',
  'gateway',
  'cli',
];
const onlyForUs = ['generate.ts', ...['test', 'torture', 'contract', 'fixture', 'cases'].map(toPattern)];

const root = join(import.meta.dirname, '..');
const out = join(root, 'dist', basename(process.argv[2] ?? ''));
const { devDependencies: shared = {} } = readManifest('.');
const packages = published.map((workspace) => ({ workspace, manifest: readManifest(workspace) }));
const versions = new Map(packages.map(({ manifest }) => [manifest.name, manifest.version]));

// Of an older version, too: whoever installs takes all that are there.
for (const tarball of globSync(join(out, '*.tgz'))) rmSync(tarball);
run(process.execPath, [join(root, 'packages/contracts/src/generate.ts')]);
for (const { workspace, manifest } of packages) {
  compile(workspace, folderOf(manifest.name));
  complete(workspace, manifest);
}
const folders = packages.map(({ manifest }) => folderOf(manifest.name));
run('npm', ['pack', '--silent', '--pack-destination', out, ...folders]);

function readManifest(workspace: string): Manifest {
  return JSON.parse(readFileSync(join(root, workspace, 'package.json'), 'utf8'));
}

function folderOf(name: string): string {
  return join(out, basename(name));
}

function toPattern(kind: string): string {
  return `**/*.${kind}.ts`;
}

/** JavaScript and types to `dist`. Imports of other packages go to what is built already, not to their sources. */
function compile(workspace: string, folder: string): void {
  const source = join(root, workspace, 'src');
  const paths = [...versions.keys()].map((name) => [`${name}/*.ts`, [join(folderOf(name), 'dist/*.d.ts')]]);
  const config = {
    extends: join(root, 'tsconfig.build.json'),
    compilerOptions: { rootDir: source, outDir: join(folder, 'dist'), paths: Object.fromEntries(paths) },
    include: [source],
    exclude: onlyForUs.map((pattern) => join(source, pattern)),
  };
  const file = join(folder, 'tsconfig.json');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, JSON.stringify(config));
  run('tsc', ['-p', file]);
  rmSync(file);
}

/** All that stands beside the code in a package. */
function complete(workspace: string, manifest: Manifest): void {
  const { name, description, files = [] } = manifest;
  const folder = folderOf(name);
  for (const file of files) {
    cpSync(join(root, workspace, file), join(folder, file), { recursive: true });
  }
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  writeFileSync(
    join(folder, 'README.md'),
    `# ${name}\n\n${description}. A part of Portico, whose README says how to use it.\n`,
  );
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(toPublished(manifest), null, 2)}\n`);
}

function toPublished(manifest: Manifest): object {
  const { name, version, description, license, dependencies = {}, files = [], bin } = manifest;
  const program = bin && Object.entries(bin).map(([command, file]) => [command, toBuilt(file)]);
  return {
    name,
    version,
    description,
    license,
    type: 'module',
    engines: { node: '>=24' },
    ...(program && { bin: Object.fromEntries(program) }),
    exports: {
      './*.ts': { types: './dist/*.d.ts', default: './dist/*.js' },
      './package.json': './package.json',
    },
    files: ['dist', ...files],
    publishConfig: { access: 'public' },
    dependencies: toPublishedDependencies(dependencies),
  };
}

/** Our own packages go together in one version; what types are made from must be there for the types to mean anything. */
function toPublishedDependencies(dependencies: Readonly<Record<string, string>>): Record<string, string> {
  const needed = Object.entries(dependencies).map(([name, range]) => [name, versions.get(name) ?? range]);
  const types = ['node', ...Object.keys(dependencies)].flatMap((name) => {
    const range = shared[`@types/${name}`];
    return range === undefined ? [] : [[`@types/${name}`, range]];
  });
  return Object.fromEntries([...needed, ...types].sort());
}

function toBuilt(file: string): string {
  return file.replace(/^src\/(.*)\.ts$/, 'dist/$1.js');
}

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
