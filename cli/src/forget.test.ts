import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startProgram } from '@portico/testing/program.ts';
import { runForget } from './forget.ts';

const dir = mkdtempSync(join(tmpdir(), 'portico-forget-'));
const asked: { readonly method: string; readonly url: string; readonly authorization: string }[] = [];
/** Plays the customers service: knows c1. */
const service = createServer(({ method = '', url = '', headers }, res) => {
  asked.push({ method, url, authorization: String(headers.authorization) });
  res.statusCode = url === '/customers/c1' ? 200 : 404;
  const forgotten = { id: 'c1', forgottenAt: '2026-01-31T12:00:00.000Z' };
  res.end(JSON.stringify(res.statusCode === 200 ? forgotten : { detail: 'No customer has this id.' }));
});
let provider: ReturnType<typeof startProgram>;
let env: Record<string, string>;

before(async () => {
  service.listen(0, '127.0.0.1');
  await new Promise((resolve) => service.once('listening', resolve));
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  const main = new URL('../../mock-services/identity/src/main.ts', import.meta.url);
  const free = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => free.once('listening', resolve));
  const port = String((free.address() as AddressInfo).port);
  await new Promise((resolve) => free.close(resolve));
  const identity = { name: 'identity', url: `http://127.0.0.1:${port}` };
  writeFileSync(
    join(dir, 'demo.json'),
    JSON.stringify({ processes: [{ name: 'customers', url }, identity] }),
  );
  provider = startProgram(main, {
    LOG_LEVEL: 'error',
    PORTICO_IDENTITY_PORT: port,
    PORTICO_IDENTITY_DIR: dir,
  });
  await provider.ready;
  env = { PORTICO_DATA_DIR: dir };
});
after(async () => {
  service.close();
  service.closeAllConnections();
  await provider?.end('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

test('an operator has a customer forgotten by the service of the demo', async () => {
  const said = await runForget(['c1'], env);
  assert.equal(said, 'the customer c1 is forgotten since 2026-01-31T12:00:00.000Z');
  const [{ method, url, authorization } = { method: '', url: '', authorization: '' }] = asked;
  assert.deepEqual([method, url], ['DELETE', '/customers/c1']);
  const [, claims = ''] = authorization.split('.');
  assert.deepEqual(JSON.parse(Buffer.from(claims, 'base64url').toString()).roles, ['operator']);
});

test('what is wrong is one line', async () => {
  await assert.rejects(runForget(['c2/../c1'], env), /^Error: No customer has this id\.$/);
  await assert.rejects(runForget(['c1', '--password', 'wrong'], env), /^Error|SignInError/);
  for (const args of [[], ['c1', 'c2']])
    await assert.rejects(runForget(args, env), /^Error: say portico forget/);
  const away = 'http://127.0.0.1:1';
  await assert.rejects(
    runForget(['c1'], { ...env, OIDC_ISSUER: away }),
    /:1 can not be reached; is the demo/,
  );
  await assert.rejects(runForget(['c1'], { ...env, CUSTOMERS_URL: away }), /:1 can not be reached$/);
  const nowhere = { ...env, PORTICO_DATA_DIR: join(dir, 'none') };
  await assert.rejects(runForget(['c1'], nowhere), /CUSTOMERS_URL is not set, and .* names no running demo/);
});
