import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { httpAnswer, type ScriptedServer, startScriptedServer } from '@portico/testing/scripted-server.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.fixture.ts';
import { readAnswers } from './read-answers.fixture.ts';
import { requestBytes, sendBytes } from './test-gateway.fixture.ts';
import { type UpstreamCase, upstreamCases } from './upstream.cases.ts';

const waitMs = '300';
const cleanAnswer = () => [httpAnswer(200, 'clean')];

describe('what is behind the gateway does not behave', () => {
  let upstream: ScriptedServer;
  let gateway: GatewayProcess;

  before(async () => {
    upstream = await startScriptedServer(cleanAnswer);
    gateway = await startGatewayProcess(upstream.url, {
      PORTICO_FIRST_BYTE_TIMEOUT_MS: waitMs,
      PORTICO_IDLE_TIMEOUT_MS: waitMs,
    });
  });
  after(async () => {
    await gateway.stop();
    await upstream.close();
  });

  /** The number of the connection that a clean request was answered on. */
  async function sendClean(what: string): Promise<number | undefined> {
    upstream.behave(cleanAnswer);
    const { answers } = readAnswers(await sendBytes(gateway.port, requestBytes('GET /graphql')), ['GET']);
    assert.deepEqual([what, answers[0]?.status, answers[0]?.body], [what, 200, 'clean']);
    gateway.assertAlive(what);
    return upstream.requests.at(-1)?.connection;
  }

  for (const { name, method = 'GET', version = '1.1', steps, client, reused = false } of upstreamCases) {
    test(`${name}: ${client === 'cut' ? 'cut off' : client.status}`, async () => {
      await sendClean('before');
      upstream.behave(() => steps);
      const bytes = requestBytes(`${method} /graphql`).replace('HTTP/1.1', `HTTP/${version}`);
      const received = await sendBytes(gateway.port, bytes);
      const used = upstream.requests.at(-1)?.connection;
      if (client === 'cut') assertCut(received);
      else assertAnswer(received, method, client);
      assert.equal((await sendClean(name)) === used, reused);
    });
  }

  test('an answer that nobody asked for, on a connection that is kept, is not taken for the next one', async () => {
    const answered = Promise.withResolvers<void>();
    upstream.behave(async function* () {
      yield httpAnswer(200, 'good');
      await answered.promise;
      yield httpAnswer(200, 'evil');
    });
    const arriving = upstream.next();
    assert.match(await sendBytes(gateway.port, requestBytes('GET /graphql')), /good$/);
    answered.resolve();
    await (await arriving).ended;
    await sendClean('an answer too many');
  });

  test('an answer that comes before the request was read is passed on, and its connection not used again', async () => {
    await sendClean('before');
    upstream.behave(() => [httpAnswer(200, 'early')]);
    const arriving = upstream.next();
    const socket = connect(gateway.port, '127.0.0.1').setEncoding('latin1');
    socket.write('POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\nx');
    const [received] = await once(socket, 'data');
    assert.match(received, /^HTTP\/1\.1 200 OK\r\n/);
    socket.destroy();
    const { connection, ended } = await arriving;
    await ended;
    assert.notEqual(await sendClean('an early answer'), connection);
  });

  test('a body without an end ends with the client', async () => {
    const piece = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    upstream.behave(function* () {
      yield 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
      for (;;) yield piece;
    });
    const arriving = upstream.next();
    const socket = connect(gateway.port, '127.0.0.1');
    socket.write('GET /graphql HTTP/1.1\r\nHost: a\r\n\r\n');
    let received = 0;
    for await (const bytes of socket) {
      received += bytes.length;
      if (received > 5_000_000) break;
    }
    await (await arriving).ended;
    await sendClean('an endless body');
  });
});

test('there are at least 30 cases, each with a name of its own', () => {
  const names = upstreamCases.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)]);
  assert.ok(names.length >= 30);
});

function assertAnswer(
  received: string,
  method: string,
  client: Exclude<UpstreamCase['client'], 'cut'>,
): void {
  const { answers, cut, informational } = readAnswers(received, [method]);
  assert.equal(cut, false, received.slice(0, 300));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [client.status],
    received.slice(0, 300),
  );
  const informed = informational.map(({ status, fields }) => [status, fields.get('link')]);
  if (client.status < 400) assert.deepEqual(informed, client.informed ?? []);
  for (const { fields } of informational) assert.ok([...fields.keys()].every((name) => name === 'link'));
  const [answer] = answers;
  if (client.body !== undefined) assert.equal(answer?.body, client.body);
  for (const [name, value] of Object.entries(client.fields ?? {}))
    assert.equal(answer?.fields.get(name), value);
  assert.equal(answer?.fields.get('x-content-type-options'), 'nosniff');
  assert.match(received, /^HTTP\/1\.1 \d{3} [A-Z][A-Za-z -]+\r\n/);
}

/** The answer has no end, and nothing but what the upstream sent of it. */
function assertCut(received: string): void {
  assert.match(received, /^(?:HTTP\/1\.1 200 OK\r\n(?:.+\r\n)+\r\n(?:half|2\r\nok\r\n|1\r\no\r\n)?)?$/);
  assert.deepEqual(readAnswers(received, ['GET']).answers, []);
}
