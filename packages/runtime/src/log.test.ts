import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { createLogger } from './log.ts';

function run(...args: string[]): ChildProcess & { readonly stdout: Readable } {
  const program = new URL('./log.fixture.ts', import.meta.url);
  const child = fork(program, args, { silent: true });
  return child as ChildProcess & { readonly stdout: Readable };
}

for (const ending of ['exit', 'throw', 'return']) {
  test(`every line is written, in order, by a process that ends by ${ending}`, async () => {
    const lines = (await text(run(ending, '5000').stdout)).trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).line),
      Array.from({ length: 5_000 }, (_, index) => index + 1),
    );
  });
}

test('a single line is written while the process goes on', async () => {
  const child = run('stay');
  const [line] = await once(child.stdout, 'data');
  assert.equal(JSON.parse(line).msg, 'written');
  child.disconnect();
});

test('fields that carry credentials are left out', () => {
  const lines: string[] = [];
  const log = createLogger({
    name: 'test',
    level: 'info',
    destination: { write: (line) => lines.push(line) },
  });
  log.info(
    { authorization: 'Bearer a', headers: { cookie: 'b', accept: 'c' }, user: { password: 'd' } },
    'x',
  );
  const { headers, user, ...line } = JSON.parse(lines.join(''));
  assert.deepEqual([headers, user, line.authorization], [{ accept: 'c' }, {}, undefined]);
});
