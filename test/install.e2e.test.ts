/** The packages as others have them: packed, installed by npm into an empty folder, and used from there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createPrograms } from './start-program.ts';

const root = join(import.meta.dirname, '..');
const text = (path: string) => readFileSync(join(root, path), 'utf8');

// The Node that runs us comes first: npm chooses versions by the Node that it runs on.
const searchPath = [dirname(process.execPath), join(root, 'node_modules/.bin'), process.env.PATH].join(
  delimiter,
);
const env = { ...process.env, PATH: searchPath, NODE_TEST_CONTEXT: undefined };
const { start, endAll } = createPrograms(env);

mkdirSync(join(root, 'dist'), { recursive: true });
const packed = mkdtempSync(join(root, 'dist', 'test-'));
const folder = mkdtempSync(join(tmpdir(), 'portico-install-'));
const portico = join(folder, 'node_modules/.bin/portico');

function run(command: string, args: readonly string[], cwd = folder) {
  // npm by itself goes on for ten minutes when the registry is away.
  return spawnSync(command, [...args], { cwd, env, encoding: 'utf8', timeout: 180_000 });
}

function succeed(command: string, args: readonly string[], cwd = folder): string {
  const { status, signal, stdout, stderr } = run(command, args, cwd);
  assert.equal(status ?? signal, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

const origin = createServer((req, res) => res.end(`origin ${req.url}`));
const anyPorts = { PORTICO_PORT: '0', PORTICO_ADMIN_PORT: '0' };

/** The ten lines of README.md, in front of another target. */
function writeGatewayFile(target: string): void {
  const [, yaml = ''] = /```yaml\n(# gateway\.yaml\n.*?)```/s.exec(text('README.md')) ?? [];
  assert.ok(yaml.includes('http://127.0.0.1:4001'), 'README.md has a gateway.yaml');
  writeFileSync(join(folder, 'gateway.yaml'), yaml.replace('http://127.0.0.1:4001', target));
}

/** The programs of docs/embedding.md, by name. */
const samples = [...text('docs/embedding.md').matchAll(/```ts\n\/\/ (\S+)\n(.*?)```/gs)].map(
  ([, name = '', code = '']) => [name, code] as const,
);

/** The modules that docs/embedding.md calls public. */
const publicModules = [
  ...text('docs/embedding.md').matchAll(/^\| `(@portico\/[a-z-]+\/)`: (.*?) \|/gm),
].flatMap(([, name, modules = '']) =>
  [...modules.matchAll(/`(.+?)`/g)].map(([, module]) => `${name}${module}.ts`),
);

describe('packed, and installed by npm into an empty folder', { timeout: 300_000 }, () => {
  before(async () => {
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    writeGatewayFile(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
    succeed(process.execPath, ['scripts/pack.ts', basename(packed)], root);
    const tarballs = globSync(join(packed, '*.tgz'));
    assert.equal(tarballs.length, 8);
    // Without it npm looks for a project in the folders above.
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    succeed('npm', [
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      ...tarballs,
    ]);
  });
  after(() => {
    endAll();
    origin.close();
    origin.closeAllConnections();
    for (const dir of [packed, folder]) rmSync(dir, { recursive: true, force: true });
  });

  test('a package holds JavaScript with types, and nothing of tests or sources', () => {
    const files = globSync('node_modules/@portico/*/**/*.*', { cwd: folder });
    const ours = files.filter((file) => !/@portico\/[^/]+\/node_modules\//.test(file));
    const unwanted = /\.(test|torture|contract|fixture|cases)\.|(?<!\.d)\.ts$|\/generate\./;
    assert.deepEqual(
      ours.filter((file) => unwanted.test(file)),
      [],
    );
    for (const file of ['gateway/gateway.schema.json', 'contracts/openapi/catalog.yaml', 'cli/README.md']) {
      assert.ok(ours.includes(join('node_modules/@portico', file)), file);
    }
  });

  test('ten lines of gateway.yaml forward a request, what they do not name is a 404, and SIGTERM ends it well', async () => {
    const gateway = await start(portico, ['gateway', '--config', 'gateway.yaml'], folder, anyPorts);
    const forwarded = await fetch(`${gateway.url}/api/orders`);
    assert.deepEqual([forwarded.status, await forwarded.text()], [200, 'origin /api/orders']);
    assert.equal((await fetch(`${gateway.url}/orders`)).status, 404);
    assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 200);
    assert.equal(await gateway.stop(), 0);
  });

  test('portico routes reads the file, and portico demo says where the demo is', () => {
    assert.match(succeed(portico, ['routes', 'check']), /^\/api\/\* +GET,HEAD +-> web /m);
    assert.match(
      succeed(portico, ['routes', 'explain', 'GET', '/api/orders']),
      /goes by the route \/api\/\* to web/,
    );
    const { status, stderr } = run(portico, ['demo']);
    assert.equal(status, 2);
    assert.match(stderr, /^portico: the demo is not part of the installed command; .*npm start\n$/);
  });

  test('portico token signs in at a provider', async () => {
    const port = await freePort();
    const program = join(root, 'mock-services/identity/src/main.ts');
    const provider = await start(process.execPath, [program], root, {
      PORTICO_IDENTITY_PORT: port,
      PORTICO_IDENTITY_DIR: join(folder, 'identity'),
    });
    const { status, stdout, stderr } = spawnSync(portico, ['token', 'ada'], {
      env: { ...env, OIDC_ISSUER: provider.url },
      encoding: 'utf8',
      timeout: 30_000,
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    assert.equal(await provider.stop(), 0);
  });

  test('the public modules and the programs of docs/embedding.md compile in strict mode, every type included, and run', async () => {
    const document = 'node_modules/@portico/contracts/openapi/catalog.yaml';
    const mock = await start(portico, ['mock', document, '--port', '0'], folder, {});
    for (const [name, code] of samples) {
      const anyPort = code.replace('port: 8080', 'port: 0').replace('9901', '0');
      writeFileSync(join(folder, name), anyPort.replace('http://127.0.0.1:4010', mock.url));
    }
    const exports = publicModules.map((name, index) => `export * as m${index} from '${name}';`);
    assert.ok(exports.length > 20, 'the table of public modules was found');
    writeFileSync(join(folder, 'public.ts'), exports.join('\n'));

    const options = { module: 'nodenext', target: 'es2024', types: ['node'], strict: true, noEmit: true };
    const tsconfig = { compilerOptions: { ...options, skipLibCheck: false }, include: ['*.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
    succeed('tsc', ['-p', '.']);

    succeed(process.execPath, ['public.ts']);
    const edge = await start(process.execPath, ['edge.ts'], folder, {});
    assert.equal(await (await fetch(`${edge.url}/api/orders`)).text(), 'origin /api/orders');
    const names = await start(process.execPath, ['names.ts'], folder, {});
    const answer = (await (await fetch(`${names.url}/names/p1`)).json()) as { name: unknown };
    assert.equal(typeof answer.name, 'string');
    assert.equal(await edge.stop(), 0);
    assert.equal(await names.stop(), 0);
    assert.equal(await mock.stop(), 0);
  });
});

async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}
