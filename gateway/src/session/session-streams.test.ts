import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findRedis, startRedis } from '@portico/testing/engines.ts';
import { openEventStream } from '@portico/testing/event-stream-reader.ts';
import { type Script, type Step, startScriptedServer } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { startGatewayProcess } from '../gateway-process.fixture.ts';
import { startSocketOrigin, switching } from '../web-socket/socket-origin.fixture.ts';
import { createMemorySessionStore } from './memory-session-store.ts';
import { SessionStoreUnavailable } from './session-store.ts';
import { client, startTestProvider, type TestProvider } from './test-provider.fixture.ts';
import {
  createTestBrowser,
  ownScript,
  startSignInGateway,
  type TestBrowser,
} from './test-sign-in.fixture.ts';

const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
/** A stream of one event that goes on for ever. */
const stream: Script = (): Step[] => [head + chunk('data: first\n\n')];

/** Asks again while a gateway's Redis is not there, or slow. */
async function whenKnown<Answer extends { readonly status: number }>(
  ask: () => Promise<Answer>,
): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (answer.status !== 503) return answer;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function openStream(url: string, browser: TestBrowser) {
  const headers = { ...ownScript, cookie: browser.cookies() };
  const reader = await whenKnown(() => openEventStream(`${url}/required`, { headers }));
  assert.equal(reader.status, 200);
  assert.equal((await reader.next())?.data, 'first');
  // One that is cut off has no end, and none that fails is open any more.
  return { reader, over: reader.next().catch(() => undefined) };
}

test('the streams of a session end with it, at every instance, and those of others go on', async (t) => {
  const store = createMemorySessionStore();
  const provider = await startTestProvider();
  t.after(() => provider.close());
  const [one, two] = [
    await startSignInGateway(t, { store, provider, script: stream }),
    await startSignInGateway(t, { store, provider, script: stream }),
  ];
  const [ada, grace] = [one.browser(), one.browser()];
  await ada.signIn({ sub: 'c1' });
  await grace.signIn({ sub: 'c2' });
  const hers = [
    await openStream(one.url, ada),
    await openStream(two.url, ada),
    await openStream(two.url, ada),
  ];
  const other = await openStream(two.url, grace);
  t.after(() => other.reader.cut());
  await ada.post('/auth/logout');
  for (const { over } of hers) assert.equal(await over, undefined);
  assert.equal(await Promise.race([other.over, 'open']), 'open');
});

test('a request that is no stream is answered to its end', async (t) => {
  const answered = Promise.withResolvers<void>();
  const { browser, upstream } = await startSignInGateway(t, {
    script: async function* () {
      yield 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no';
      await answered.promise;
      yield 'k';
    },
  });
  const ada = browser();
  await ada.signIn();
  const arrived = upstream.next();
  const cookie = ada.cookies();
  const answer = ada.get('/required', { ...ownScript, cookie });
  await arrived;
  await ada.post('/auth/logout');
  answered.resolve();
  assert.equal((await answer).text, 'ok');
});

test('streams go on while nothing is known for a moment, and end when that lasts', async (t) => {
  let now = Date.now();
  const store = createMemorySessionStore();
  const { url, browser } = await startSignInGateway(t, { store, script: stream, now: () => now });
  const ada = browser();
  await ada.signIn();
  const { over } = await openStream(url, ada);
  const looked = Promise.withResolvers<void>();
  let looks = 0;
  store.missing = async () => {
    looks += 1;
    if (looks === 2) looked.resolve();
    throw new SessionStoreUnavailable('away');
  };
  await looked.promise;
  assert.equal(await Promise.race([over, 'open']), 'open');
  now += 5_000;
  assert.equal(await over, undefined);
});

const fileFor = (provider: TestProvider, events: string, sockets: string) => `
upstreams: { events: { targets: ["${events}"] }, sockets: { targets: ["${sockets}"] } }
jwt: { issuer: "${provider.issuer}", audience: portico }
oidc:
  issuer: ${provider.issuer}
  clientId: ${client.id}
  clientSecret: "${client.secret}"
  publicUrl: http://localhost:8080
  signInsPerMinute: 1000000
routes:
  - { path: /required, upstream: events, auth: required }
  - { path: /socket, upstream: sockets, auth: required, webSocket: {} }
`;

/** Two gateways as processes, with one Redis and a provider. */
async function startProcesses(t: TestContext) {
  const redis = await startRedis();
  const provider = await startTestProvider();
  const [events, sockets] = [await startScriptedServer(stream), await startSocketOrigin()];
  sockets.answer = switching;
  const folder = await mkdtemp(join(tmpdir(), 'portico-streams-'));
  const file = join(folder, 'gateway.yaml');
  await writeFile(file, fileFor(provider, events.url, sockets.url));
  const settings = { PORTICO_CONFIG: file, REDIS_URL: redis.url };
  const gateways = await Promise.all([1, 2].map(() => startGatewayProcess(events.url, settings)));
  t.after(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await Promise.all([events.close(), sockets.close(), provider.close(), redis.stop()]);
    await rm(folder, { recursive: true });
  });
  return {
    provider,
    gateways: gateways.map(({ port, admin }) => ({ port, admin, url: `http://127.0.0.1:${port}` })),
  };
}

/** Opens a WebSocket; gives when the gateway says that it ends. */
async function openSocket(port: number, browser: TestBrowser): Promise<{ over: Promise<string> }> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  const lines = ['GET /socket HTTP/1.1', 'Host: localhost:8080', 'Origin: http://localhost:8080'];
  lines.push('Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13');
  lines.push('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', `Cookie: ${browser.cookies()}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let text = '';
  const opened = Promise.withResolvers<void>();
  const over = new Promise<string>((resolve) => {
    socket.on('data', (more) => {
      text += more;
      if (text.includes('\r\n\r\n')) opened.resolve();
      if (text.endsWith('\x88\x02\x03\xe9')) resolve('going away');
    });
    socket.once('close', () => resolve('closed'));
  });
  await opened.promise;
  assert.match(text, /^HTTP\/1\.1 101 /);
  return { over: over.finally(() => socket.destroy()) };
}

test('a sign-out or an operator ends streams and WebSockets of all instances', {
  skip: findRedis() ? false : 'no Redis installed',
}, async (t) => {
  const { provider, gateways } = await startProcesses(t);
  const [one, two] = gateways;
  assert.ok(one && two);
  const ends: Record<string, (ada: TestBrowser) => Promise<number>> = {
    'a sign-out': async (ada) => (await whenKnown(() => ada.post('/auth/logout'))).status,
    'an operator': async () =>
      (await request(one.admin).delete('/sessions/sub/c1').expect({ ended: 1 })).status,
  };
  for (const [name, end] of Object.entries(ends)) {
    const ada = createTestBrowser(one.url, provider);
    await whenKnown(() => ada.signIn({ sub: 'c1' }));
    const there = createTestBrowser(two.url, provider);
    there.jar.set('portico', ada.jar.get('portico') ?? '');
    assert.equal((await whenKnown(() => there.get('/auth/session'))).status, 200);
    const open: Promise<unknown>[] = [
      (await openStream(one.url, ada)).over,
      (await openStream(two.url, ada)).over,
      (await openSocket(one.port, ada)).over,
      (await openSocket(two.port, ada)).over,
    ];
    assert.equal(await end(ada), 200, name);
    const endedAt = performance.now();
    assert.deepEqual(await Promise.all(open), [undefined, undefined, 'going away', 'going away'], name);
    t.diagnostic(`${name}: all streams ended after ${Math.round(performance.now() - endedAt)} ms`);
  }
  await request(one.admin).delete('/sessions/name/ada').expect(404);
});
