/** `portico mock` as a process. */
import assert from 'node:assert/strict';
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { contract } from './mock.fixture.ts';

const program = join(import.meta.dirname, '../main.ts');
const env = { ...process.env, LOG_LEVEL: 'silent', PORT: '0', ADMIN_PORT: '0' };

describe('portico mock', () => {
  const child = fork(program, ['mock', contract('customers')], { env, execArgv: [], silent: true });
  let url = '';
  let admin = '';

  before(async () => {
    const [{ ready }] = await once(child, 'message');
    ({ url, admin } = ready);
  });
  after(() => child.kill('SIGKILL'));

  test('plays the service and has the admin endpoints of every process', async () => {
    assert.deepEqual(await (await fetch(`${url}/customers/c1`)).json(), { id: 'c1', displayName: 'Ada L.' });
    assert.equal((await fetch(`${admin}/livez`)).status, 200);
    assert.deepEqual(await (await fetch(`${admin}/readyz`)).json(), { ready: true, notReady: [] });
    assert.match(await (await fetch(`${admin}/metrics`)).text(), /route="\/customers\/\{id\}"/);
  });

  test('has the fault switch, also outside of demo mode', async () => {
    const faults = (method: string, body?: object) =>
      fetch(`${admin}/faults`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
    assert.equal((await faults('PUT', { errorRate: 1 })).status, 200);
    assert.equal((await fetch(`${url}/customers/c1`)).status, 503);
    await faults('DELETE');
    assert.equal((await fetch(`${url}/customers/c1`)).status, 200);
  });

  test('stops in good order', async () => {
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });
});

for (const [args, line] of [
  [[], /^wrong configuration: expected one file, got 0 \(portico mock <openapi file> \[--port N\]\)\n$/],
  [['a.yaml', 'b.yaml'], /^wrong configuration: expected one file, got 2/],
  [['a.yaml', '--prot', '1'], /^wrong configuration: Unknown option '--prot'.*\n$/],
  [['a.yaml', '--port', 'x'], /^wrong configuration: PORT must be an integer from 0 to 65535, got "x"\n$/],
  [['nowhere.yaml'], /^could not start: nowhere\.yaml: there is no such file\n$/],
] as const) {
  test(`portico mock ${args.join(' ')} ends with one clear line`, () => {
    const { status, stderr } = spawnSync(process.execPath, [program, 'mock', ...args], {
      env,
      encoding: 'utf8',
    });
    assert.equal(status, 1);
    assert.match(stderr, line);
  });
}
