import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { findRedis, startRedis } from '@portico/testing/engines.ts';
import {
  end,
  httpAnswer,
  reset,
  type ScriptedServer,
  type Step,
  startScriptedServer,
} from '@portico/testing/scripted-server.ts';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';
import request from 'supertest';
import { forkGateway, startGatewayProcess } from './gateway-process.fixture.ts';
import { answersOk, requestBytes, sendBytes, statusOf } from './test-gateway.fixture.ts';

const upstreamsAt = (url: string) => ({
  WEB_URL: url,
  MOBILE_URL: url,
  SITE_URL: url,
  OIDC_ISSUER: 'http://127.0.0.1:1',
  ...signInSettings,
});

async function failedStart(settings: Record<string, string>): Promise<{ code: number; errors: string }> {
  const gateway = forkGateway(settings);
  const [[code], errors] = await Promise.all([once(gateway, 'exit'), gateway.stderr?.toArray()]);
  return { code, errors: Buffer.concat(errors ?? []).toString() };
}

describe('the gateway as a process', () => {
  let upstream: ScriptedServer;
  let gateway: ChildProcess;
  let url: string;
  let admin: string;
  let errors = '';

  before(async () => {
    upstream = await startScriptedServer(answersOk);
    gateway = forkGateway(upstreamsAt(upstream.url));
    gateway.stderr?.on('data', (text) => {
      errors += text;
    });
    const [message] = await once(gateway, 'message');
    ({ url, admin } = message.ready);
  });
  after(async () => {
    if (gateway.exitCode === null) gateway.kill('SIGKILL');
    await upstream.close();
  });

  const send = (bytes: string) => sendBytes(Number(new URL(url).port), bytes);
  const assertServing = async (what: string) => {
    upstream.behave(answersOk);
    await request(url).get('/graphql').expect(200);
    assert.deepEqual([what, gateway.exitCode, gateway.signalCode, errors], [what, null, null, '']);
  };

  test('lives through whatever a client sends, and answers it', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => `A${index}: b`);
    const chunks = '1\r\nx\r\n0\r\n\r\n';
    const requests: Record<string, [status: number | undefined, bytes: string]> = {
      'a trailer announced': [
        404,
        'GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTrailer: X-T\r\n\r\n',
      ],
      'a trailer announced on a route': [200, requestBytes('GET /graphql', ['Trailer: X-T'])],
      'a trailer announced with a length': [
        200,
        requestBytes('POST /graphql', ['Trailer: X-T', 'Content-Length: 2'], '{}'),
      ],
      'a trailer sent': [
        200,
        requestBytes(
          'POST /graphql',
          ['Trailer: X-T', 'Transfer-Encoding: chunked'],
          '1\r\nx\r\n0\r\nX-T: 1\r\n\r\n',
        ),
      ],
      'a field of 64 kB': [431, requestBytes('GET /graphql', [`A: ${'x'.repeat(65_536)}`])],
      '101 fields': [431, requestBytes('GET /graphql', many(99))],
      '500 fields': [431, requestBytes('GET /graphql', many(498))],
      'a target of 64 kB': [431, requestBytes(`GET /${'x'.repeat(65_536)}`)],
      'a target of 9 kB': [414, requestBytes(`GET /${'x'.repeat(9_000)}`)],
      'no HTTP': [400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
      'an HTTP/2 preface': [400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      'no host': [400, 'GET /graphql HTTP/1.1\r\nConnection: close\r\n\r\n'],
      'HTTP/1.0': [200, 'GET /graphql HTTP/1.0\r\n\r\n'],
      'HTTP/0.9': [400, 'GET /graphql\r\n\r\n'],
      'a NUL in the path': [400, requestBytes('GET /graphql\0')],
      'invalid UTF-8 in the path': [400, requestBytes('GET /api/v1/\xff\xfe')],
      'a method nobody has': [400, requestBytes('BREW /graphql')],
      TRACE: [405, requestBytes('TRACE /graphql')],
      CONNECT: [405, requestBytes('CONNECT portico.test:443')],
      'an expectation': [417, requestBytes('GET /graphql', ['Expect: tea'])],
      'a length and chunks': [
        400,
        requestBytes('POST /graphql', ['Content-Length: 3', 'Transfer-Encoding: chunked'], chunks),
      ],
      'a length that is none': [400, requestBytes('POST /graphql', ['Content-Length: -1'])],
      'a bad chunk': [undefined, requestBytes('POST /graphql', ['Transfer-Encoding: chunked'], 'ZZ\r\n')],
      'a body of 10 MB': [
        413,
        requestBytes('POST /graphql', [`Content-Length: ${10_000_000}`], 'x'.repeat(10_000_000)),
      ],
      'a handshake for WebSocket': [
        501,
        'GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      ],
    };
    for (const [name, [status, bytes]] of Object.entries(requests)) {
      const answer = await send(bytes);
      if (status !== undefined) assert.equal(statusOf(answer), status, `${name}: ${answer.slice(0, 300)}`);
      await assertServing(name);
    }
  });

  test('lives through whatever an upstream answers', async () => {
    const answers: Step[][] = [
      ['HTTP/1.1 000 X\r\nContent-Length: 2\r\n\r\nok'],
      ['HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nok'],
      ['HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n', reset],
      ['HTTP/1.1 200 a\x01\r\nContent-Length: 2\r\n\r\nok'],
      ['HTTP/1.1 200 OK\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\nok'],
      ['HTTP/1.1 200 OK\r\nTrailer: X-T\r\n\r\nok', end],
      ['HTTP/1.1 204 OK\r\nContent-Length: 2\r\n\r\nok'],
      ['HTTP/1.1 304 OK\r\nContent-Length: 2\r\n\r\nok'],
      ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok', reset],
      ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'],
      ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n'],
      [httpAnswer(200), reset],
      ['HTTP/1.1 103 X\r\n\r\n'.repeat(1_000), end],
      [end],
      [reset],
    ];
    for (const steps of answers) {
      for (const method of ['GET', 'HEAD', 'POST']) {
        upstream.behave(() => steps);
        await send(requestBytes(`${method} /graphql`));
        await assertServing(`${method}: ${String(steps[0])}`);
      }
    }
  });

  test('lives when clients leave at any moment', async () => {
    const bytes = requestBytes('POST /graphql', ['Content-Length: 10'], '{"query":1');
    for (let length = 0; length <= bytes.length; length += 7) {
      const client = connect(Number(new URL(url).port), '127.0.0.1');
      client.on('error', () => {});
      await new Promise((resolve) => client.write(bytes.slice(0, length) || '\r\n', resolve));
      client.resetAndDestroy();
    }
    await assertServing('leaving');
  });

  test('is ready while its upstreams are there, and says which is not', async () => {
    await request(admin).get('/livez').expect(200);
    await request(admin).get('/readyz').expect(200);
    const away = forkGateway({ ...upstreamsAt(upstream.url), MOBILE_URL: 'http://127.0.0.1:1' });
    const [message] = await once(away, 'message');
    const { body } = await request(message.ready.admin).get('/readyz').expect(503);
    assert.deepEqual(body, { ready: false, notReady: ['mobile'] });
    away.kill('SIGTERM');
    assert.deepEqual(await once(away, 'exit'), [0, null]);
  });

  test('tells an upstream the plain address of its client', async () => {
    const arriving = upstream.next();
    await request(url.replace('localhost', '127.0.0.1')).get('/graphql').expect(200);
    assert.equal(new Map((await arriving).fields).get('x-forwarded-for'), '127.0.0.1');
  });

  test('counts requests by route, never by path', async () => {
    await request(url).get('/api/v1/home');
    await request(url).get('/made-up-by-a-client');
    const { text } = await request(admin).get('/metrics').expect(200);
    const counts = text.match(/^portico_http_request_duration_seconds_count.*$/gm)?.join() ?? '';
    assert.match(counts, /method="GET",route="\/api\/v1\/\*",status="200"/);
    assert.doesNotMatch(counts, /made-up|home/);
  });

  test('tells by route and upstream what came of requests, and why some were refused', async () => {
    const before = (await request(admin).get('/metrics.json').expect(200)).body;
    await request(url).get('/api/v1/home').expect(200);
    await request(url).delete('/api/v1/home').expect(405);
    await send(requestBytes('GET /a//b'));
    await send('GET /graphql HTTP/1.1\r\nConnection: close\r\n\r\n');
    await send('not HTTP at all\r\n\r\n');
    const goOn = Promise.withResolvers<void>();
    upstream.behave(async function* () {
      await goOn.promise;
      yield httpAnswer(200, 'finished');
    });
    const arriving = upstream.next();
    const answering = send(requestBytes('GET /graphql'));
    await arriving;
    const during = (await request(admin).get('/metrics.json').expect(200)).body;
    goOn.resolve();
    await answering;
    upstream.behave(answersOk);

    const [api, apiBefore] = [during, before].map(({ routes }) => routes['/api/v1/*']);
    assert.equal(api.count - (apiBefore?.count ?? 0), 2);
    assert.equal(api.outcomes['2xx'] - (apiBefore?.outcomes['2xx'] ?? 0), 1);
    assert.equal(api.problems['method-not-allowed'] - (apiBefore?.problems['method-not-allowed'] ?? 0), 1);
    const refused = ({ routes }: typeof during) => routes.none?.problems['invalid-request'] ?? 0;
    assert.equal(refused(during) - refused(before), 3);
    assert.equal(during.routes['/graphql'].inFlight, 1);
    const [target] = during.upstreams.web.targets;
    assert.deepEqual(target, { url: upstream.url, inFlight: 1, state: 'available', ejections: 0 });
    const ok = ({ upstreams }: typeof during) => upstreams.mobile.outcomes['2xx'] ?? 0;
    assert.equal(ok(during) - ok(before), 1);
    assert.ok(during.upstreams.mobile.latencyMs.p99 >= during.upstreams.mobile.latencyMs.p50);
  });

  test('finishes what is in flight when it is told to stop', async () => {
    const goOn = Promise.withResolvers<void>();
    upstream.behave(async function* () {
      await goOn.promise;
      yield httpAnswer(200, 'finished');
    });
    const arriving = upstream.next();
    const answering = send('GET /graphql HTTP/1.1\r\nHost: x\r\n\r\n');
    await arriving;
    gateway.kill('SIGTERM');
    const exiting = once(gateway, 'exit');
    goOn.resolve();
    assert.match(await answering, /finished$/);
    assert.deepEqual(await exiting, [0, null]);
  });
});

test('a wrong setting stops the start with one line', async () => {
  const { code, errors } = await failedStart({ PORTICO_PORT: 'eighty' });
  assert.equal(code, 1);
  assert.match(
    errors,
    /^wrong configuration: PORTICO_PORT must be an integer from 0 to 65535, got "eighty"\n$/,
  );
});

test('a wrong gateway.yaml stops the start, with line and column', async () => {
  const { code, errors } = await failedStart({
    WEB_URL: 'not a URL',
    MOBILE_URL: 'http://x',
    SITE_URL: 'http://x',
    OIDC_ISSUER: 'http://x',
    ...signInSettings,
  });
  assert.equal(code, 1);
  assert.match(
    errors,
    /^wrong configuration: .*gateway\.yaml:17:20 upstreams\.web\.targets\[0\] must be an http.*got "not a URL"\n$/,
  );
});

test('a new gateway.yaml takes effect while requests go on; one that is wrong changes nothing and says why', async (t) => {
  const [first, second] = await Promise.all([1, 2].map(() => startScriptedServer(answersOk)));
  const dir = await mkdtemp(join(tmpdir(), 'portico-gateway-'));
  const file = join(dir, 'gateway.yaml');
  const table = (url = '', path = '/a') =>
    `upstreams: { u: { targets: ["${url}"] } }\nroutes: [{ path: ${path}, upstream: u }]\n`;
  await writeFile(file, table(first?.url));
  const gateway = forkGateway({ PORTICO_CONFIG: file, LOG_LEVEL: 'info' });
  t.after(async () => {
    gateway.kill('SIGKILL');
    await Promise.all([first?.close(), second?.close(), rm(dir, { recursive: true })]);
  });
  let output = '';
  const logged = async (pattern: RegExp) => {
    while (!pattern.test(output)) output += String((await once(gateway.stdout as Readable, 'data'))[0]);
    output = '';
  };
  const [message] = await once(gateway, 'message');
  const { url } = message.ready;

  const goOn = Promise.withResolvers<void>();
  first?.behave(async function* () {
    await goOn.promise;
    yield httpAnswer(200, 'from the first');
  });
  const arriving = first?.next();
  const underWay = request(url)
    .get('/a')
    .then(({ text }) => text);
  await arriving;

  await writeFile(file, table(second?.url, '/b'));
  await logged(/a new gateway.yaml is in force/);
  await request(url).get('/b').expect(200);
  await request(url).get('/a').expect(404);
  goOn.resolve();
  assert.equal(await underWay, 'from the first');

  await writeFile(file, 'upstreams: {}\nroutes: []\nport: many\n');
  await logged(/nothing has changed/);
  await request(url).get('/b').expect(200);

  await writeFile(file, table(first?.url));
  await logged(/in force/);
  gateway.kill('SIGHUP');
  await logged(/in force/);
  first?.behave(answersOk);
  await request(url).get('/a').expect(200);
});

test('a gateway whose Redis is away says that it limits rates by itself and knows no sessions, until Redis is back', {
  skip: findRedis() ? false : 'no Redis installed',
}, async (t) => {
  const redis = await startRedis();
  const { port, password } = new URL(redis.url);
  const upstream = await startScriptedServer(answersOk);
  const gateway = await startGatewayProcess(upstream.url, { REDIS_URL: redis.url });
  t.after(async () => {
    await gateway.stop();
    await upstream.close();
  });
  const says = async (shared: 0 | 1, degraded: readonly string[] | undefined) => {
    const { text } = await request(gateway.admin).get('/metrics');
    const { status, body } = await request(gateway.admin).get('/readyz');
    assert.equal(status, 200);
    const isSaid = text.includes(`portico_rate_limits_shared{process="gateway"} ${shared}\n`);
    return isSaid && JSON.stringify(body.degraded) === JSON.stringify(degraded);
  };
  const until = async (done: () => Promise<boolean>) => {
    const giveUpAt = Date.now() + 20_000;
    while (!(await done())) assert.ok(Date.now() < giveUpAt, 'not within 20 s');
  };

  await until(() => says(1, undefined));
  await redis.stop();
  await until(() => says(0, ['rate limits: Redis is away', 'sessions: Redis is away']));
  const settings = ['--port', port, '--requirepass', password, '--bind', '127.0.0.1', '--save', ''];
  const again = spawn(String(findRedis()), settings, { stdio: 'ignore' });
  t.after(() => again.kill());
  await until(() => says(1, undefined));
});
