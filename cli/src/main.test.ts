import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const portico = (...args: string[]) =>
  spawnSync(process.execPath, [fileURLToPath(new URL('./main.ts', import.meta.url)), ...args], {
    encoding: 'utf8',
  });

test('portico --help names every command', () => {
  const { status, stdout } = portico('--help');
  assert.equal(status, 0);
  assert.match(stdout, /^Usage: portico/);
  assert.match(stdout, /^ {2}demo /m);
  assert.match(stdout, /^ {2}gateway /m);
});

test('an unknown command is an error that names the known ones', () => {
  const { status, stdout, stderr } = portico('frobnicate');
  assert.equal(status, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /no command "frobnicate"[\s\S]*demo/);
});

test('a command with a wrong setting ends with one clear line', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [fileURLToPath(new URL('./main.ts', import.meta.url)), 'gateway'],
    { encoding: 'utf8', env: { ...process.env, PORTICO_PORT: 'eighty' } },
  );
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^wrong configuration: PORTICO_PORT must be an integer from 0 to 65535, got "eighty".*\n$/,
  );
});
