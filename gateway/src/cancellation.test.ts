import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import {
  end,
  reset,
  type Script,
  type ScriptedRequest,
  type ScriptedServer,
  type Step,
  startScriptedServer,
} from '@portico/testing/scripted-server.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.fixture.ts';
import { readAnswers } from './read-answers.fixture.ts';

const maxMs = 100;
/** All have to end; the machine may be busy in some of them. */
const trials = 5;

const get = 'GET /graphql HTTP/1.1\r\nHost: a\r\n\r\n';
const halfBody = 'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf';
const halfChunks = 'POST /graphql HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n';
const begun = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf';
const begunChunks = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n';
const begunEvents =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n';

interface AtWork {
  readonly client: Socket;
  readonly request: ScriptedRequest;
  /** All of the answer that has come. */
  readonly received: () => string;
}

describe('one side goes away', () => {
  let upstream: ScriptedServer;
  let gateway: GatewayProcess;

  before(async () => {
    upstream = await startScriptedServer(() => []);
    gateway = await startGatewayProcess(upstream.url);
  });
  after(async () => {
    await gateway.stop();
    await upstream.close();
  });

  /** A request at work, whose client has seen `until` of its answer. */
  async function begin(bytes: string, script: Script, until: string): Promise<AtWork> {
    upstream.behave(script);
    const arriving = upstream.next();
    const client = connect(gateway.port, '127.0.0.1').setEncoding('latin1');
    let received = '';
    client.on('error', () => {});
    client.on('data', (text) => {
      received += text;
    });
    client.write(bytes);
    const request = await arriving;
    while (!received.endsWith(until)) await once(client, 'data');
    return { client, request, received: () => received };
  }

  const endless: Script = function* () {
    yield 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n';
    const piece = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    for (;;) yield piece;
  };
  const clientLeaves: [when: string, bytes: string, script: Script, until: string][] = [
    ['before the answer', get, () => [], ''],
    ['in an answer', get, () => [begun], 'half'],
    ['in an answer in chunks', get, () => [begunChunks], 'half\r\n'],
    ['in an event stream', get, () => [begunEvents], 'half\r\n'],
    ['in its upload', halfBody, () => [], ''],
    ['in its upload in chunks', halfChunks, () => [], ''],
  ];
  for (const [when, bytes, script, until] of clientLeaves) {
    for (const how of ['destroy', 'resetAndDestroy'] as const) {
      test(`a client that leaves ${when} (${how}) is gone for the upstream within ${maxMs} ms`, async () => {
        const took: number[] = [];
        while (took.length < trials) {
          const { client, request } = await begin(bytes, script, until);
          const at = performance.now();
          client[how]();
          await request.ended;
          took.push(performance.now() - at);
        }
        assertSoon(took);
      });
    }
  }

  test(`a client that leaves in an answer that it does not read is gone for the upstream within ${maxMs} ms`, async () => {
    const took: number[] = [];
    while (took.length < trials) {
      upstream.behave(endless);
      const arriving = upstream.next();
      const client = connect(gateway.port, '127.0.0.1');
      client.on('error', () => {});
      client.write(get);
      const request = await arriving;
      await once(client, 'readable');
      const at = performance.now();
      client.destroy();
      await request.ended;
      took.push(performance.now() - at);
    }
    assertSoon(took);
  });

  for (const framing of [`Content-Length: ${1_000_000}`, 'Transfer-Encoding: chunked']) {
    test(`a client that leaves in an upload that nobody takes is gone within ${maxMs} ms (${framing})`, async (t) => {
      const origin = createServer({ pauseOnConnect: true, noDelay: true }).listen(0, '127.0.0.1');
      await once(origin, 'listening');
      const { port } = origin.address() as AddressInfo;
      const own = await startGatewayProcess(`http://127.0.0.1:${port}`);
      t.after(async () => {
        await own.stop();
        origin.close();
      });
      const took: number[] = [];
      while (took.length < trials) {
        const arriving = once(origin, 'connection');
        const client = connect(own.port, '127.0.0.1');
        client.write(`POST /graphql HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\nf423e\r\n`);
        await new Promise((resolve) => client.write('x'.repeat(900_000), resolve));
        const [socket] = await arriving;
        while ((await inFlightOf(own)) === 0);
        client.destroy();
        const at = performance.now();
        while ((await inFlightOf(own)) > 0);
        took.push(performance.now() - at);
        let broken: NodeJS.ErrnoException | undefined;
        socket.on('error', (error: Error) => {
          broken = error;
        });
        await new Promise((resolve) => socket.once('close', resolve).resume());
        assert.equal(broken?.code, 'ECONNRESET');
      }
      assertSoon(took);
    });
  }

  const upstreamLeaves: [
    when: string,
    bytes: string,
    first: Step[],
    until: string,
    status: number | 'cut',
  ][] = [
    ['before its answer', get, [], '', 502],
    ['in the upload', halfBody, [], '', 502],
    ['in its answer', get, [begun], 'half', 'cut'],
    ['in its answer in chunks', get, [begunChunks], 'half\r\n', 'cut'],
    ['in its event stream', get, [begunEvents], 'half\r\n', 'cut'],
  ];
  for (const [when, bytes, first, until, status] of upstreamLeaves) {
    for (const how of [end, reset]) {
      test(`an upstream that leaves ${when} (${how.by}) is gone for the client within ${maxMs} ms: ${status}`, async () => {
        const took: number[] = [];
        while (took.length < trials) {
          const leave = Promise.withResolvers<void>();
          const script: Script = async function* () {
            yield* first;
            await leave.promise;
            yield how;
          };
          const { client, received } = await begin(bytes, script, until);
          const told = once(client, status === 'cut' ? 'close' : 'data');
          const at = performance.now();
          leave.resolve();
          await told;
          took.push(performance.now() - at);
          const { answers } = readAnswers(received(), []);
          assert.deepEqual(
            answers.map((answer) => answer.status),
            status === 'cut' ? [] : [status],
          );
          client.destroy();
        }
        assertSoon(took);
      });
    }
  }
});

async function inFlightOf({ admin }: GatewayProcess): Promise<number> {
  const upstreams = (await (await fetch(`${admin}/upstreams`)).json()) as {
    [name: string]: { inFlight: number }[];
  };
  return Object.values(upstreams)
    .flat()
    .reduce((sum, { inFlight }) => sum + inFlight, 0);
}

function assertSoon(took: readonly number[]): void {
  assert.ok(Math.min(...took) <= maxMs, `took ${took.map((ms) => Math.round(ms)).join(', ')} ms`);
}
