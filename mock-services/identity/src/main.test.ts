import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createTokenVerifier } from '@portico/runtime/access-token.ts';
import { cli, createBrowser, exchange } from './identity.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-identity-'));
const keyFile = join(folder, 'keys', 'signing-keys.json');
const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
const port = await freePort();
const issuer = `http://127.0.0.1:${port}`;
const settings = { PORTICO_IDENTITY_PORT: String(port), PORTICO_IDENTITY_DIR: join(folder, 'keys') };

function start(env: Record<string, string> = {}) {
  const child = fork(fileURLToPath(new URL('main.ts', import.meta.url)), [], {
    env: { PATH: process.env.PATH, LOG_LEVEL: 'error', ...settings, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  running.add(child);
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const ready = once(child, 'message').then(([message]) => message.ready as { url: string; admin: string });
  return { child, exited, ready };
}

async function tokenOf(login: string): Promise<string> {
  const { searchParams } = await createBrowser(issuer).signIn(cli, login);
  return String((await exchange(issuer, cli, searchParams.get('code'))).body.access_token);
}

test('tokens stay valid over a restart, whose keys only the owner can read', async () => {
  const first = start();
  assert.equal((await first.ready).url, issuer);
  const token = await tokenOf('ada');
  first.child.kill('SIGTERM');
  assert.equal(await first.exited, 0);
  assert.equal(statSync(keyFile).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, 'keys')).mode & 0o777, 0o700);

  const second = start();
  await second.ready;
  const verify = createTokenVerifier({ issuer, audience: 'portico' });
  assert.equal((await verify(token)).subject, 'c1');
  assert.equal((await verify(await tokenOf('root'))).subject, 'root');
  second.child.disconnect();
  assert.equal(await second.exited, 0);
});

test('in demo mode, and only then, the admin port rotates keys, disables users and makes the provider fail', async () => {
  const plain = start();
  const rotate = (admin: string) => fetch(`${admin}/rotate-keys`, { method: 'POST' });
  const { admin } = await plain.ready;
  assert.deepEqual(await (await fetch(`${admin}/readyz`)).json(), { ready: true, notReady: [] });
  assert.match(await (await fetch(`${admin}/metrics`)).text(), /process="identity"/);
  const disable = (admin: string) => fetch(`${admin}/users/ada/disabled`, { method: 'PUT' });
  assert.equal((await rotate(admin)).status, 404);
  assert.equal((await disable(admin)).status, 404);
  plain.child.kill('SIGTERM');
  await plain.exited;

  const nowhere = {
    OIDC_CLIENT_SECRET: 'a client secret of this test',
    PORTICO_PUBLIC_URL: 'http://127.0.0.1:1',
  };
  const demo = start({ PORTICO_DEMO: 'true', ...nowhere });
  const ready = await demo.ready;
  const verify = createTokenVerifier({ issuer, audience: 'portico' });
  const old = await tokenOf('ada');
  await verify(old);
  const known = readFileSync(keyFile, 'utf8');
  assert.equal((await rotate(ready.admin)).status, 204);
  assert.notEqual(readFileSync(keyFile, 'utf8'), known);
  await verify(await tokenOf('ada'));
  await verify(old);

  // Its gateway is not there to be told, and it is done here all the same.
  const unheard = await disable(ready.admin);
  assert.equal(unheard.status, 502);
  assert.match(await unheard.text(), /a client has not heard it/);
  await assert.rejects(tokenOf('ada'));

  const fault = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"errorRate":1}' };
  assert.equal((await fetch(`${ready.admin}/faults`, fault)).status, 200);
  assert.equal((await fetch(`${issuer}/jwks`)).status, 503);
});

test('a wrong setting, a taken port or a broken key file ends the start with one line', async () => {
  const broken = mkdtempSync(join(folder, 'broken-'));
  writeFileSync(join(broken, 'signing-keys.json'), '{"keys":[{"kty":"RSA","secret":"hidden"}]}');
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port: takenPort } = taken.address() as AddressInfo;
  const cases: [Record<string, string>, RegExp][] = [
    [{ PORTICO_IDENTITY_DIR: '' }, /^wrong configuration: PORTICO_IDENTITY_DIR is not set/],
    [{ PORTICO_IDENTITY_PORT: '0' }, /^wrong configuration: PORTICO_IDENTITY_PORT must be an integer from 1/],
    [{ PORTICO_IDENTITY_PORT: String(takenPort) }, /^port \d+ is in use by another program/],
    [{ PORTICO_IDENTITY_DIR: broken }, /^could not start: .*signing-keys\.json holds no signing keys/],
  ];
  for (const [env, expected] of cases) {
    const { child, exited } = start(env);
    const said = child.stderr === null ? '' : await text(child.stderr);
    assert.match(said, expected);
    assert.equal(said.trimEnd().split('\n').length, 1);
    assert.doesNotMatch(said, /hidden/);
    assert.equal(await exited, 1);
  }
  taken.close();
});
