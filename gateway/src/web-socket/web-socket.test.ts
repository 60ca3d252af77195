import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import request from 'supertest';
import { type GatewayProcess, startGatewayProcess } from '../gateway-process.fixture.ts';
import { readAnswers } from '../read-answers.fixture.ts';
import { sendBytes } from '../test-gateway.fixture.ts';
import {
  type ArrivedSocket,
  acceptOf,
  frame,
  payloadOf,
  type SocketOrigin,
  startSocketOrigin,
  switching,
} from './socket-origin.fixture.ts';

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
const goingAway = frame('\x03\xe9', 8);

function handshake(path = '/socket', ...fields: string[]): string {
  return `${[
    `GET ${path} HTTP/1.1`,
    'Host: portico.test',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
    ...fields,
  ].join('\r\n')}\r\n\r\n`;
}

const tableFor = (url: string) => `
maxWebSockets: 40
upstreams: { u: { targets: ["${url}"] } }
routes:
  - { path: /socket, upstream: u, webSocket: { origins: ["https://shop.test"] }, requestFields: [cookie] }
  - { path: /silent, upstream: u, webSocket: {}, idleTimeoutMs: 50 }
  - { path: /short, upstream: u, webSocket: { maxOpenMs: 50 } }
  - { path: /limited, upstream: u, webSocket: {}, rateLimit: { requests: 1, perSeconds: 600 } }
  - { path: /plain, upstream: u }
`;

/** A client of bytes; `received` is all that has come. */
interface Client {
  readonly socket: Socket;
  readonly received: () => string;
  /** Resolves with all that has come, when it fits, or ends so; rejects when no more will come. */
  readonly until: (what: RegExp | string) => Promise<string>;
  /** Resolves with the time at which the other side ended or broke the connection. */
  readonly left: Promise<number>;
}

function startClient(port: number, bytes: string): Client {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).setEncoding('latin1');
  let text = '';
  let wake = () => {};
  let isOver = false;
  const left = new Promise<number>((resolve) => {
    const now = () => {
      isOver = true;
      wake();
      resolve(performance.now());
    };
    socket.once('end', now).once('close', now);
  });
  socket.on('error', () => {});
  socket.on('data', (more) => {
    text += more;
    wake();
  });
  socket.write(bytes, 'latin1');
  return {
    socket,
    left,
    received: () => text,
    until: async (what) => {
      while (typeof what === 'string' ? !text.endsWith(what) : !what.test(text)) {
        if (isOver) throw new Error(`the connection ended with ${JSON.stringify(text.slice(-200))}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
      return text;
    },
  };
}

/** Breaks a WebSocket off at both ends. */
function hangUp({ client, behind }: { client: Client; behind: ArrivedSocket }): void {
  client.socket.destroy();
  behind.socket.destroy();
}

const wholeHead = /\r\n\r\n/;

describe('WebSockets', () => {
  let origin: SocketOrigin;
  let gateway: GatewayProcess;
  let directory: string;

  before(async () => {
    origin = await startSocketOrigin();
    directory = await mkdtemp(join(tmpdir(), 'portico-web-socket-'));
    gateway = await startGateway();
  });
  after(async () => {
    await gateway.stop();
    await origin.close();
    await rm(directory, { recursive: true });
  });

  async function startGateway(settings: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> {
    const file = join(directory, 'gateway.yaml');
    await writeFile(file, tableFor(origin.url));
    return startGatewayProcess(origin.url, { PORTICO_CONFIG: file, ...settings });
  }

  /** An open WebSocket, seen from both sides. */
  async function open(
    path = '/socket',
    port = gateway.port,
    greeting = '',
  ): Promise<{ client: Client; behind: ArrivedSocket }> {
    origin.answer = (key) => switching(key) + greeting;
    const arriving = origin.next();
    const client = startClient(port, handshake(path));
    const behind = await arriving;
    await client.until(wholeHead);
    return { client, behind };
  }

  async function noneOpen(admin = gateway.admin): Promise<void> {
    let body: { u: { inFlight: number }[] };
    do body = (await request(admin).get('/upstreams')).body;
    while (body.u[0]?.inFlight !== 0);
  }

  test('a browser and a server speak both ways, and close as they agree', async () => {
    origin.answer = (asked) => switching(asked, 'Sec-WebSocket-Protocol: b');
    const arriving = origin.next();
    const browser = new WebSocket(`ws://127.0.0.1:${gateway.port}/socket`, ['a', 'b']);
    const { socket, head, receivedBytes, key: asked } = await arriving;
    await new Promise((resolve) => browser.addEventListener('open', resolve));
    assert.equal(browser.protocol, 'b');
    assert.match(head, /^GET \/socket HTTP\/1\.1\r\n/);
    assert.ok(head.includes(`\r\nsec-websocket-key: ${asked}\r\n`));
    assert.match(head, /\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n/);
    assert.match(head, /\r\nx-forwarded-for: 127\.0\.0\.1\r\n/);

    browser.send('hello');
    assert.equal(payloadOf(await receivedBytes(11)), 'hello');
    const message = new Promise<MessageEvent>((resolve) => browser.addEventListener('message', resolve));
    socket.write(frame('good morning'), 'latin1');
    assert.equal((await message).data, 'good morning');
    const closed = new Promise<CloseEvent>((resolve) => browser.addEventListener('close', resolve));
    socket.write(frame('\x0f\xa0bye', 8), 'latin1');
    await receivedBytes(11 + 8);
    socket.end();
    const { code, reason, wasClean } = await closed;
    assert.deepEqual([code, reason, wasClean], [4000, 'bye', true]);
    await noneOpen();
  });

  test('the head of a 101 is the gateway’s own', async () => {
    origin.answer = (asked) =>
      switching(asked, 'X-Evil: y', 'Server: z', 'Sec-WebSocket-Extensions: a; x=1', 'Date: never').replace(
        'Sure',
        '<script>',
      );
    const { socket, until } = startClient(
      gateway.port,
      handshake('/socket', 'Sec-WebSocket-Extensions: b, a'),
    );
    const text = await until(wholeHead);
    socket.destroy();
    assert.deepEqual(text.replace(/^Date: .*\r\n|^X-Request-Id: .*\r\n/gm, '').split('\r\n'), [
      'HTTP/1.1 101 Switching Protocols',
      'Connection: Upgrade',
      'Upgrade: websocket',
      `Sec-WebSocket-Accept: ${acceptOf(key)}`,
      'Sec-WebSocket-Extensions: a; x=1',
      '',
      '',
    ]);
    assert.doesNotMatch(text, /never/);
  });

  test('what comes behind a handshake goes on behind it, and is never a request', async () => {
    const hold = Promise.withResolvers<void>();
    origin.answer = () => '';
    const arriving = origin.next();
    const smuggled = 'GET /plain HTTP/1.1\r\nHost: a\r\n\r\n';
    const client = startClient(gateway.port, handshake() + smuggled);
    const behind = await arriving;
    client.socket.write(smuggled);
    // Its arrival at the gateway can't be seen from here; another connection's has to come later.
    await request(`http://127.0.0.1:${gateway.port}`).get('/nowhere').expect(404);
    assert.equal(behind.received(), '');
    hold.resolve();
    behind.socket.write(switching(behind.key));
    assert.equal(await behind.receivedBytes(2 * smuggled.length), smuggled + smuggled);
    client.socket.destroy();
    await behind.left;
  });

  test('an answer that is not the one to this handshake is a 502, and its connection ends', async () => {
    const right = switching(key);
    const wrong: Record<string, string> = {
      'the accept of another key': switching('AAAAAAAAAAAAAAAAAAAAAA=='),
      'no accept': right.replace(/Sec-WebSocket-Accept: .*\r\n/, ''),
      'two accepts': switching(key, `Sec-WebSocket-Accept: ${acceptOf(key)}`),
      'another protocol': right.replace('websocket', 'h2c'),
      'two protocols': right.replace('Upgrade: websocket', 'Upgrade: websocket, h2c'),
      'no Upgrade': right.replace('Upgrade: websocket\r\n', ''),
      'no Connection': right.replace('Connection: Upgrade\r\n', ''),
      'another Connection': right.replace('Connection: Upgrade', 'Connection: x-upgrade'),
      'a subprotocol': switching(key, 'Sec-WebSocket-Protocol: c'),
      'two subprotocols': switching(key, 'Sec-WebSocket-Protocol: a, b'),
      'a subprotocol twice': switching(key, 'Sec-WebSocket-Protocol: a', 'Sec-WebSocket-Protocol: a'),
      'an extension': switching(key, 'Sec-WebSocket-Extensions: x-evil'),
      'an extension that is none': switching(key, 'Sec-WebSocket-Extensions: e; ='),
      'a length': switching(key, 'Content-Length: 4'),
      chunks: switching(key, 'Transfer-Encoding: chunked'),
      'HTTP/1.0': right.replace('HTTP/1.1', 'HTTP/1.0'),
      'no HTTP': '\x81\x04evil\r\n\r\n',
      'the status 999': right.replace('101', '999'),
    };
    for (const [name, answer] of Object.entries(wrong)) {
      origin.answer = () => `${answer}${frame('evil')}`;
      const arriving = origin.next();
      const asked = handshake('/socket', 'Sec-WebSocket-Protocol: a, b', 'Sec-WebSocket-Extensions: e');
      const { answers, cut, informational } = readAnswers(await sendBytes(gateway.port, asked), ['GET']);
      assert.deepEqual(
        [name, answers.map(({ status }) => status), cut, informational],
        [name, [502], false, []],
      );
      assert.doesNotMatch(answers[0]?.body ?? '', /evil/);
      await (await arriving).left;
      gateway.assertAlive(name);
    }
    await noneOpen();
  });

  test('another answer than 101 is an answer like others; what follows it goes nowhere, nor on its connection', async () => {
    const smuggled = 'GET /plain?smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
    for (const status of [200, 403, 426, 503]) {
      origin.answer = () => `HTTP/1.1 ${status} <b>\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok`;
      const arriving = origin.next();
      const before = origin.arrived();
      const client = startClient(gateway.port, handshake() + smuggled);
      const { received, left } = await arriving;
      await client.until(/ok$/);
      client.socket.end(smuggled);
      await client.left;
      const { answers } = readAnswers(client.received(), ['GET']);
      assert.deepEqual([answers.length, answers[0]?.status, answers[0]?.body], [1, status, 'ok']);
      assert.equal(answers[0]?.fields.get('connection'), 'close');
      assert.equal(answers[0]?.fields.get('x-frame-options'), 'DENY');
      await left;
      assert.equal(received(), '');
      assert.equal(origin.arrived(), before + 1);
    }
  });

  test('no answer is a 504; a client that leaves before it ends the request', async () => {
    const impatient = await startGateway({ PORTICO_FIRST_BYTE_TIMEOUT_MS: '50' });
    try {
      origin.answer = () => '';
      const { answers } = readAnswers(await sendBytes(impatient.port, handshake()), ['GET']);
      assert.equal(answers[0]?.status, 504);
    } finally {
      await impatient.stop();
    }
    for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const arriving = origin.next();
      const { socket } = startClient(gateway.port, `${handshake()}early`);
      const { left } = await arriving;
      socket[leave]();
      await left;
    }
    await noneOpen();
  });

  test('a page of another origin opens none; the gateway’s own, one that the route names, and programs do', async () => {
    origin.answer = switching;
    const statusFor = async (...fields: string[]) => {
      const client = startClient(gateway.port, handshake('/socket', ...fields));
      const text = await client.until(wholeHead);
      client.socket.destroy();
      return Number(text.slice(9, 12));
    };
    for (const allowed of ['http://portico.test', 'https://shop.test']) {
      assert.equal(await statusFor(`Origin: ${allowed}`), 101, allowed);
    }
    assert.equal(await statusFor(), 101);
    const before = origin.arrived();
    for (const refused of [
      'http://evil.test',
      'https://portico.test',
      'http://portico.test:8080',
      'http://portico.test.evil.test',
      'http://shop.test',
      'https://shop.test:8443',
      'https://shop.test/',
      'HTTPS://SHOP.TEST',
      'null',
      '',
    ]) {
      assert.equal(await statusFor(`Origin: ${refused}`), 403, refused);
    }
    assert.equal(await statusFor('Origin: https://shop.test', 'Origin: https://shop.test'), 403);
    assert.equal(origin.arrived(), before);
  });

  test('its fields go on by the policy of the route', async () => {
    origin.answer = switching;
    const arriving = origin.next();
    const fields = ['Cookie: a=b', 'Authorization: Bearer x', 'X-Other: y', 'Origin: http://portico.test'];
    const { socket } = startClient(gateway.port, handshake('/socket', ...fields));
    const { head } = await arriving;
    socket.destroy();
    assert.match(head, /\r\ncookie: a=b\r\n/);
    assert.doesNotMatch(head, /authorization|x-other|origin/i);
  });

  test('handshakes are counted as requests are', async () => {
    const opened = await open('/limited');
    const { answers } = readAnswers(await sendBytes(gateway.port, handshake('/limited')), ['GET']);
    assert.equal(answers[0]?.status, 429);
    hangUp(opened);
  });

  test('a side that is slow slows the other, and nothing is lost', async () => {
    const { client, behind } = await open();
    const total = 64 * 1_048_576;
    const piece = Buffer.alloc(1_048_576, 'x');
    client.socket.pause();
    let sent = 0;
    const sendMore = () => {
      while (sent < total) {
        sent += piece.length;
        if (!behind.socket.write(piece)) return;
      }
    };
    behind.socket.on('drain', sendMore);
    sendMore();
    // Answered behind what the gateway would have taken by then.
    for (let count = 0; count < 20; count += 1) await request(gateway.admin).get('/livez').expect(200);
    assert.ok(sent < total, `${sent} bytes were taken of a client that reads nothing`);
    const headLength = client.received().length;
    client.socket.resume();
    await new Promise<void>((resolve) => {
      let size = client.received().length - headLength;
      client.socket.on('data', (text) => {
        size += text.length;
        if (size >= total) resolve();
      });
    });
    hangUp({ client, behind });
  });

  test('an open WebSocket is in flight at its target', async () => {
    await noneOpen();
    const opened = await open();
    const { body } = await request(gateway.admin).get('/upstreams');
    assert.equal(body.u[0].inFlight, 1);
    hangUp(opened);
    await noneOpen();
  });

  test('the end of one side is the end of the other within 100 ms', async () => {
    for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
      for (const leaver of ['client', 'upstream'] as const) {
        const took: number[] = [];
        for (let trial = 0; trial < 5; trial += 1) {
          const { client, behind } = await open();
          const [one, other] = leaver === 'client' ? [client, behind] : [behind, client];
          const at = performance.now();
          one.socket[leave]();
          took.push((await other.left) - at);
          hangUp({ client, behind });
        }
        assert.ok(Math.min(...took) <= 100, `${leaver} ${leave}: ${took}`);
      }
    }
    await noneOpen();
  });

  test('what one side sent before it ended arrives', async () => {
    const { client, behind } = await open();
    behind.socket.end(frame('last words'), 'latin1');
    await client.left;
    assert.ok(client.received().endsWith(frame('last words')));
    client.socket.end('and mine');
    assert.equal(await behind.receivedBytes(8), 'and mine');
    await noneOpen();
  });

  test('a slow client gets all that was sent before the upstream ended', async () => {
    const { client, behind } = await open();
    const headLength = client.received().length;
    const size = 8 * 1_048_576;
    client.socket.pause();
    behind.socket.end(Buffer.alloc(size, 'x'));
    // Longer than a side that has ended is waited for otherwise.
    await open('/silent').then(async (other) => {
      await other.client.left;
      hangUp(other);
    });
    client.socket.resume();
    await client.left;
    assert.equal(client.received().length - headLength, size);
    hangUp({ client, behind });
  });

  test('one that is silent, or has lasted long enough, is told to go', async () => {
    for (const path of ['/silent', '/short']) {
      const { client, behind } = await open(path, gateway.port, frame('hello'));
      await client.until(goingAway);
      assert.ok(client.received().endsWith(frame('hello') + goingAway));
      client.socket.write('its close frame');
      assert.equal(await behind.receivedBytes(15), 'its close frame');
      behind.socket.end();
      await client.left;
      hangUp({ client, behind });
    }
    await noneOpen();
  });

  test('there are as many as the table says, and no more', async () => {
    await noneOpen();
    const all: Awaited<ReturnType<typeof open>>[] = [];
    while (all.length < 40) all.push(await open());
    const { answers } = readAnswers(await sendBytes(gateway.port, handshake()), ['GET']);
    assert.deepEqual([answers[0]?.status, answers[0]?.fields.get('retry-after')], [503, '5']);
    for (const one of all) hangUp(one);
    await noneOpen();
    hangUp(await open());
  });

  test('a new table leaves open ones as they are, and counts them', async () => {
    await noneOpen();
    const { client, behind } = await open();
    const changed = tableFor(origin.url)
      .replace('maxWebSockets: 40', 'maxWebSockets: 1')
      .replace('/plain', '/new');
    await writeFile(join(directory, 'gateway.yaml'), changed);
    const url = `http://127.0.0.1:${gateway.port}`;
    while ((await request(url).get('/plain')).status !== 404);
    const { answers } = readAnswers(await sendBytes(gateway.port, handshake()), ['GET']);
    assert.equal(answers[0]?.status, 503);
    behind.socket.write(frame('still here'), 'latin1');
    await client.until(/still here/);
    hangUp({ client, behind });
  });

  test('a gateway that stops tells all of them behind a whole frame, and does not wait for those that have none', async () => {
    const stopping = await startGateway();
    const idle = await open('/socket', stopping.port);
    const sending = await open('/socket', stopping.port);
    const stuck = await open('/socket', stopping.port);
    const half = frame('x'.repeat(1_000)).slice(0, 500);
    for (const { behind, client } of [sending, stuck]) {
      behind.socket.write(half, 'latin1');
      await client.until(/x{300}$/);
    }
    const at = performance.now();
    const stopped = stopping.terminate();
    await idle.client.until(goingAway);
    assert.ok(idle.client.received().endsWith(`\r\n\r\n${goingAway}`));
    sending.behind.socket.write(frame('x'.repeat(1_000)).slice(500) + frame('too late'), 'latin1');
    await sending.client.until(goingAway);
    assert.ok(sending.client.received().endsWith(`\r\n\r\n${frame('x'.repeat(1_000))}${goingAway}`));
    for (const { client, behind } of [idle, sending]) {
      client.socket.write('closed');
      await behind.receivedBytes(6);
      behind.socket.end();
      await client.left;
      client.socket.end();
    }
    await stuck.client.left;
    assert.ok(stuck.client.received().endsWith(half));
    assert.deepEqual(await stopped, [0, null]);
    assert.ok(performance.now() - at < 10_000);
  });
});
