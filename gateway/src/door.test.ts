import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { end } from '@portico/testing/scripted-server.ts';
import { type DoorCase, doorGroups } from './door.cases.ts';
import { doorPage } from './door-page.fixture.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.fixture.ts';
import { type Answers, readAnswers } from './read-answers.fixture.ts';
import { type Arrival, type RecordingOrigin, startRecordingOrigin } from './recording-origin.fixture.ts';
import { requestBytes, sendBytes, statusOf } from './test-gateway.fixture.ts';
import { switching } from './web-socket/socket-origin.fixture.ts';

const page = fileURLToPath(new URL('../../docs/door.md', import.meta.url));
const cases = doorGroups.flatMap((group) => group.cases);
/** More than fits into the buffers between a client that reads nothing and the origin. */
const largeBody = 'x'.repeat(20_000_000);
const waitMs = '500';

/** What the gateway itself says of a request. */
const ownFields = {
  'x-forwarded-for': /^127\.0\.0\.1$/,
  'x-forwarded-proto': /^http$/,
  'x-request-id': /^[0-9a-f]{32}$/,
  traceparent: /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/,
  'portico-timeout-ms': /^9900$/,
  via: /^1\.[01] portico-[0-9a-f]{8}$/,
  connection: /^(?:keep-alive|Upgrade)$/,
};
const fieldsOfRoutes = [
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-type',
  'user-agent',
];
const allowedFields = new Set([
  ...Object.keys(ownFields),
  ...fieldsOfRoutes,
  ...['host', 'x-forwarded-host', 'content-length', 'transfer-encoding', 'if-none-match'],
  ...['upgrade', 'sec-websocket-version', 'sec-websocket-key'],
  ...['sec-websocket-protocol', 'sec-websocket-extensions'],
]);

describe('the door of the gateway', () => {
  let origin: RecordingOrigin;
  let gateway: GatewayProcess;
  let via = '';
  let directory = '';

  before(async () => {
    origin = await startRecordingOrigin(({ target, fields }) => {
      if (target === '/socket?switch') return [switching(fields.get('sec-websocket-key') ?? ''), end];
      const body = target === '/graphql?large' ? largeBody : 'ok';
      return [`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`];
    });
    directory = await mkdtemp(join(tmpdir(), 'portico-door-'));
    const file = join(directory, 'gateway.yaml');
    const own = await readFile(new URL('../gateway.yaml', import.meta.url), 'utf8');
    const further = [
      '  - { path: /socket, upstream: site, webSocket: {} }',
      '  - { path: /private-socket, upstream: site, webSocket: {}, auth: required }',
    ];
    await writeFile(file, [own, ...further].join('\n'));
    gateway = await startGatewayProcess(origin.url, {
      PORTICO_CONFIG: file,
      PORTICO_HEAD_TIMEOUT_MS: waitMs,
      PORTICO_REQUEST_TIMEOUT_MS: waitMs,
      PORTICO_IDLE_TIMEOUT_MS: waitMs,
    });
    await sendBytes(gateway.port, requestBytes('GET /graphql'));
    via = origin.take()[0]?.fields.get('via')?.slice(4) ?? '';
  });
  after(async () => {
    await gateway.stop();
    await origin.close();
    await rm(directory, { recursive: true });
  });

  const clean = requestBytes('GET /graphql?clean');
  const withVia = (text: string | undefined) => text?.replace('%via%', via);

  for (const door of cases) {
    test(`${door.name}: ${door.answers.join(', ') || 'no answer'}`, async () => {
      origin.take();
      const bytes = withVia(door.bytes) ?? '';
      const received =
        door.client === 'reads nothing'
          ? await readNothing(gateway.port, bytes, origin)
          : await sendCase(gateway.port, bytes, door.client === undefined ? clean : door.client);
      assert.equal(statusOf(await sendBytes(gateway.port, clean)), 200);
      gateway.assertAlive(door.name);

      const expectedAnswers = [...door.answers, ...(door.connection === 'kept' ? [200] : [])];
      const { answers, cut } = readAnswers(received, []);
      assert.deepEqual(
        answers.map(({ status }) => status),
        expectedAnswers,
        received.slice(0, 500),
      );
      assert.equal(cut, door.client === 'reads nothing');
      for (const answer of answers) assertSecure(answer);

      const arrived = origin.take();
      // The clean request on the connection of the case, and the one behind it.
      const cleanOnes = arrived.splice(door.connection === 'kept' ? -2 : -1);
      assert.ok(cleanOnes.every(({ target }) => target === '/graphql?clean'));
      assertArrived(arrived, door);
      assert.deepEqual(origin.violations, []);
    });
  }

  function assertArrived(arrived: Arrival[], { arrives }: DoorCase): void {
    for (const arrival of arrived) assertOwnFields(arrival);
    if (arrives === 'unfinished') {
      assert.ok(arrived.length <= 1 && arrived.every(({ body }) => body === undefined));
      return;
    }
    assert.deepEqual(
      arrived.map(({ requestLine, body }) => ({ requestLine, body })),
      arrives.map(({ requestLine, body = '' }) => ({ requestLine, body })),
    );
    for (const [index, { fields = {} }] of arrives.entries()) {
      const has = arrived[index]?.fields;
      const wanted = Object.entries(fields).map(([name, value]) => [name, withVia(value)]);
      assert.deepEqual(
        wanted.map(([name = '']) => [name, has?.get(name)]),
        wanted,
      );
    }
  }

  function assertOwnFields({ fields }: Arrival): void {
    assert.equal(fields.get('host'), origin.host);
    for (const [name, pattern] of Object.entries(ownFields)) assert.match(fields.get(name) ?? '', pattern);
    assert.deepEqual(
      [...fields.keys()].filter((name) => !allowedFields.has(name)),
      [],
    );
  }

  test('says on its page what it does', (t) => {
    t.assert.fileSnapshot(doorPage(doorGroups), page, { serializers: [String] });
  });
});

test('every case of the door has a name of its own in its group', () => {
  for (const group of doorGroups) {
    const names = group.cases.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
  }
  assert.ok(cases.length >= 110, String(cases.length));
});

function assertSecure({ status, fields }: Answers['answers'][number]): void {
  // A WebSocket is no document.
  if (status === 101) return;
  assert.equal(fields.get('x-content-type-options'), 'nosniff');
  assert.equal(fields.get('x-frame-options'), 'DENY');
  if (status >= 400) assert.equal(fields.get('content-type'), 'application/problem+json');
}

/** Sends a case and what the client does then; gives all that comes until the connection ends. */
async function sendCase(port: number, bytes: string, next: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let received = '';
  socket.on('data', (text) => {
    received += text;
  });
  socket.on('error', () => {});
  socket.write(bytes, 'latin1');
  if (next === 'ends') socket.end();
  else if (next !== 'waits') socket.write(next, 'latin1');
  await new Promise((resolve) => socket.once('close', resolve));
  return received;
}

/** Reads only when the gateway has given up; gives what was in the buffers by then. */
async function readNothing(port: number, bytes: string, origin: RecordingOrigin): Promise<string> {
  const arriving = origin.next();
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  socket.on('error', () => {});
  socket.write(bytes, 'latin1');
  await (await arriving).ended;
  let received = '';
  socket.on('data', (text) => {
    received += text;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return received;
}
