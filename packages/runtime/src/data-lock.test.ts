import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LockedError, takeDataLock } from './data-lock.ts';

const dir = mkdtempSync(join(tmpdir(), 'portico-lock-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const path = join(dir, 'data', 'lock');
const holder = join(dir, 'holder.ts');
writeFileSync(
  holder,
  `import { takeDataLock } from ${JSON.stringify(import.meta.resolve('./data-lock.ts'))};
   globalThis.lock = await takeDataLock(${JSON.stringify(path)});
   process.send?.('locked');
   setInterval(() => {}, 1000);`,
);

async function hold() {
  const child = fork(holder, [], { execArgv: [] });
  await once(child, 'message');
  return child;
}

test('a lock that another process holds is refused, and free as soon as that one is killed', async () => {
  const child = await hold();
  await assert.rejects(takeDataLock(path), LockedError);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = await takeDataLock(path);
  await assert.rejects(takeDataLock(path), LockedError);
  lock.release();
  (await takeDataLock(path)).release();
  assert.deepEqual(readdirSync(join(dir, 'data')), ['lock']);
});

test('a holder on its way out is waited for', async () => {
  const child = await hold();
  const waiting = takeDataLock(path, { waitMs: 30_000 });
  child.kill('SIGKILL');
  (await waiting).release();
});

test('waiting ends when it is no longer wanted', async () => {
  const lock = await takeDataLock(path);
  const waiting = takeDataLock(path, { waitMs: 30_000, signal: AbortSignal.timeout(1) });
  await assert.rejects(waiting, { name: 'AbortError' });
  lock.release();
});
