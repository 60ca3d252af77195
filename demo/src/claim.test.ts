import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { claimDataDir, claimPorts } from './claim.ts';
import { readDemoConfig } from './config.ts';
import { freePorts } from './free-port.ts';

const dir = mkdtempSync(join(tmpdir(), 'portico-claim-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const [port = 0, adminPort = 0, identityPort = 0] = await freePorts(3);
const config = readDemoConfig({
  PORTICO_PORT: String(port),
  PORTICO_ADMIN_PORT: String(adminPort),
  PORTICO_IDENTITY_PORT: String(identityPort),
  PORTICO_DATA_DIR: dir,
});

async function listenOn(taken: number, host?: string) {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ port: taken, host }, resolve));
  return server;
}

test('a port in use is refused in one line with its variable', async () => {
  await claimPorts(config);
  for (const [taken, host, variable] of [
    [port, undefined, 'PORTICO_PORT'],
    [adminPort, '127.0.0.1', 'PORTICO_ADMIN_PORT'],
    [identityPort, '127.0.0.1', 'PORTICO_IDENTITY_PORT'],
  ] as const) {
    const server = await listenOn(taken, host);
    const message = `Port ${taken} is in use by another program: set ${variable} to another port`;
    await assert.rejects(claimPorts(config), { message });
    server.close();
  }
});

test('the port of the identity provider is nobody’s business where there is another provider', async () => {
  const server = await listenOn(identityPort, '127.0.0.1');
  await claimPorts({ ...config, oidcIssuer: 'https://id.example' });
  server.close();
});

test('after a demo that was killed, its gateway is given time to end', async () => {
  writeFileSync(join(dir, 'demo.json'), '{}');
  const server = await listenOn(port);
  const claimed = claimPorts(config);
  server.close();
  await claimed;
});

test('a data directory in use, or not to be had, is refused in one line', async () => {
  const lock = await claimDataDir(dir);
  await assert.rejects(
    claimDataDir(dir),
    /^Error: Another demo is running in .*: stop it, or set PORTICO_DATA_DIR/,
  );
  lock.release();
  writeFileSync(join(dir, 'file'), '');
  await assert.rejects(
    claimDataDir(join(dir, 'file')),
    /^Error: The data directory .* can't be used .*: set PORTICO_DATA_DIR/,
  );
});
