import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, test } from 'node:test';

const program = new URL('./run-process.fixture.ts', import.meta.url);
const children: ChildProcess[] = [];
afterEach(() => children.splice(0).forEach((child) => void child.kill('SIGKILL')));

function start(env: Record<string, string> = {}): ChildProcess {
  const child = fork(program, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  children.push(child);
  return child;
}

async function ready(child: ChildProcess): Promise<{ url: string; admin: string }> {
  const [message] = await once(child, 'message');
  return message.ready;
}

test('a process tells its parent where it listens', async () => {
  const { url, admin } = await ready(start());
  assert.equal(await (await fetch(url)).text(), 'fine');
  assert.equal((await fetch(`${admin}/readyz`)).status, 200);
});

for (const order of ['SIGTERM', 'SIGINT', 'the end of its parent'] as const) {
  test(`${order}: a process finishes what is in flight, lets go and exits 0`, async () => {
    const child = start();
    const { url, admin } = await ready(child);
    const inFlight = fetch(`${url}/until-stopped`);
    await once(child, 'message');
    if (order === 'the end of its parent') child.disconnect();
    else child.kill(order);
    const answer = await inFlight;
    assert.equal(answer.headers.get('connection'), 'close');
    assert.equal(await answer.text(), 'not ready: stopping');
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    await assert.rejects(fetch(admin));
  });
}

test('a process that is told to stop takes requests until those who send them have noticed', async () => {
  const child = start();
  const { url, admin } = await ready(child);
  await (await fetch(url)).text();
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  let readiness = 200;
  let answer: Response;
  do {
    readiness = (await fetch(`${admin}/readyz`)).status;
    answer = await fetch(url);
    assert.equal(await answer.text(), 'fine');
  } while (readiness === 200);
  assert.equal(readiness, 503);
  assert.equal(answer.headers.get('connection'), 'close');
  assert.deepEqual(await exited, [0, null]);
});

test('a port in use stops the start with one clear line', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  const child = start({ PORT: String(port) });
  const [[code], said] = await Promise.all([once(child, 'exit'), text(child.stderr as Readable)]);
  holder.close();
  assert.equal(code, 1);
  assert.equal(said, `port ${port} is in use by another program\n`);
});

test('a wrong setting stops the start with one clear line', async () => {
  const child = start({ PORT: 'eighty' });
  const [[code], said] = await Promise.all([once(child, 'exit'), text(child.stderr as Readable)]);
  assert.equal(code, 1);
  assert.equal(said, 'wrong configuration: PORT must be an integer from 0 to 65535, got "eighty"\n');
});

for (const [name, bytes, status] of [
  ['no HTTP at all', 'hello\r\n\r\n', 400],
  ['header fields of 64 kB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(65_536)}\r\n\r\n`, 431],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['an unknown expectation', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: the-worst\r\n\r\n', 417],
] as const) {
  test(`${name} is answered with a problem and the end of the connection`, async () => {
    const { url } = await ready(start());
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(bytes);
    const answer = await text(socket);
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(answer, /Connection: close/i);
    assert.match(answer, /"type":"urn:portico:problem:/);
    assert.equal(await (await fetch(url)).text(), 'fine');
  });
}
