import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findRedis } from '@portico/testing/engines.ts';
import { askRedis } from './redis-ask.ts';

const program = fileURLToPath(new URL('redis.ts', import.meta.url));
const skip = findRedis() === undefined && 'no redis-server or valkey-server on PATH';

const dir = mkdtempSync(join(tmpdir(), 'portico-redis-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.disconnect();
    await once(child, 'exit');
  }
});

async function start(env: NodeJS.ProcessEnv = {}) {
  const child = fork(program, [], {
    env: { ...process.env, PORTICO_ENGINE_DIR: dir, ...env },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  children.push(child);
  const [{ ready }] = await once(child, 'message');
  return { child, ready };
}

const ask = (url: string, command: string) =>
  askRedis(Number(new URL(url).port), new URL(url).password, command);

test('says that there is none when none is installed', async () => {
  const { child, ready } = await start({ PATH: dir });
  assert.equal(ready, null);
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

describe('a Redis that is found', { skip }, () => {
  test('is on 127.0.0.1 and asks for its password', async () => {
    const { ready } = await start();
    assert.equal(new URL(ready.url).hostname, '127.0.0.1');
    assert.equal(await ask(ready.url, 'PING'), '+PONG');
    const anonymous = await askRedis(Number(new URL(ready.url).port), 'wrong', 'PING');
    assert.match(anonymous, /^-NOAUTH/);
  });

  test('has the same password at its next start', async () => {
    const first = await start();
    first.child.kill('SIGTERM');
    assert.deepEqual(await once(first.child, 'exit'), [0, null]);
    const second = await start();
    assert.equal(new URL(second.ready.url).password, new URL(first.ready.url).password);
  });

  test('that its killed program left behind is stopped by the next one', async () => {
    const first = await start();
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    assert.equal(await ask(first.ready.url, 'PING'), '+PONG', 'the orphan');
    await start();
    await assert.rejects(ask(first.ready.url, 'PING'), { code: 'ECONNREFUSED' });
  });

  test('whose server is killed ends its program with exit 1', async () => {
    const { child, ready } = await start();
    process.kill(ready.pid, 'SIGKILL');
    assert.deepEqual(await once(child, 'exit'), [1, null]);
  });
});
