import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createTokenVerifier } from '@portico/runtime/access-token.ts';
import { type Program, startProgram } from '@portico/testing/program.ts';
import { httpAnswer, type ScriptedServer, startScriptedServer } from '@portico/testing/scripted-server.ts';
import { createServiceToken } from './service-token.ts';

const clientSecret = 'a secret: of 100% & more';

describe('The token of the service, from the provider of the demo', () => {
  const folder = mkdtempSync(join(tmpdir(), 'portico-service-token-'));
  let identity: Program;
  let issuer: string;
  before(async () => {
    const main = new URL('../../../identity/src/main.ts', import.meta.url);
    identity = startProgram(main, {
      PORTICO_IDENTITY_PORT: await freePort(),
      PORTICO_IDENTITY_DIR: folder,
      ORDERS_CLIENT_SECRET: clientSecret,
      LOG_LEVEL: 'error',
    });
    issuer = (await identity.ready).url;
  });
  after(async () => {
    await identity.end('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  it('is one that services take, in the role of a service', async () => {
    const token = createServiceToken({ issuer, clientId: 'orders', clientSecret });
    const { subject, roles } = await createTokenVerifier({ issuer, audience: 'portico' })(
      await token.current(),
    );
    assert.deepEqual([subject, roles], ['orders', ['service']]);
  });

  it('is not to be had with another secret, and the secret is in no message', async () => {
    const token = createServiceToken({ issuer, clientId: 'orders', clientSecret: 'not-the-secret-1234' });
    await assert.rejects(token.current(), (error: Error) => !error.message.includes('not-the-secret'));
  });
});

describe('The token of the service', () => {
  let provider: ScriptedServer;
  let fetched = 0;
  let isAway = false;
  before(async () => {
    provider = await startScriptedServer(({ target }) => {
      if (isAway) return [httpAnswer(503)];
      if (target !== '/token')
        return [httpAnswer(200, JSON.stringify({ token_endpoint: `${provider.url}/token` }))];
      fetched += 1;
      return [httpAnswer(200, JSON.stringify({ access_token: `token-${fetched}`, expires_in: 900 }))];
    });
  });
  after(() => provider.close());

  it('is fetched once for all who need it, and again shortly before it expires or when it was refused', async () => {
    let now = 0;
    const token = createServiceToken({
      issuer: provider.url,
      clientId: 'orders',
      clientSecret,
      now: () => now,
    });
    const all = await Promise.all(Array.from({ length: 20 }, () => token.current()));
    assert.deepEqual(new Set([...all, await token.current()]), new Set(['token-1']));
    now = 839_000;
    assert.equal(await token.current(), 'token-1');
    now = 841_000;
    assert.equal(await token.current(), 'token-2');
    token.forget('token-1');
    assert.equal(await token.current(), 'token-2');
    token.forget('token-2');
    assert.equal(await token.current(), 'token-3');
    isAway = true;
    now += 841_000;
    assert.equal(await token.current(), 'token-3', 'it is still valid');
    now += 60_000;
    await assert.rejects(token.current(), /503/);
    isAway = false;
    assert.equal(await token.current(), 'token-4');
  });
});

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return String(port);
}
