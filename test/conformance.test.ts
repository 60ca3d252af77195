import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BffUnderCheck } from '@portico/cli/conformance/bff-under-check.ts';
import { checks } from '@portico/cli/conformance/checks.ts';
import { checkBff, runConformance } from '@portico/cli/conformance/run-conformance.ts';
import { createVisitor } from '@portico/cli/conformance/visitor.ts';
import { freePorts } from '@portico/demo/free-port.ts';
import { type Program, startProgram } from '@portico/testing/program.ts';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';
import { startWeakenedGateway, weaknesses } from './weakened-gateway.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-conformance-'));
const programs: Program[] = [];
const upstream = createServer((_req, res) => res.end('{}'));
let url = '';
let gateway: Awaited<ReturnType<typeof startWeakenedGateway>>;

before(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const behind = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const [publicPort = 0, gatewayPort = 0, identityPort = 0] = await freePorts(3);
  url = `http://localhost:${publicPort}`;
  const shared = { ...signInSettings, PORTICO_PUBLIC_URL: url, LOG_LEVEL: 'silent' };
  const start = (path: string, env: NodeJS.ProcessEnv) => {
    const program = startProgram(new URL(`../${path}`, import.meta.url), { ...shared, ...env });
    programs.push(program);
    return program.ready;
  };
  gateway = await startWeakenedGateway(publicPort, gatewayPort);
  await Promise.all([
    start('mock-services/identity/src/main.ts', {
      PORTICO_IDENTITY_PORT: String(identityPort),
      PORTICO_IDENTITY_DIR: folder,
      ADMIN_PORT: '0',
    }),
    start('gateway/src/main.ts', {
      PORTICO_PORT: String(gatewayPort),
      PORTICO_ADMIN_PORT: '0',
      WEB_URL: behind,
      MOBILE_URL: behind,
      SITE_URL: behind,
      OIDC_ISSUER: `http://127.0.0.1:${identityPort}`,
    }),
  ]);
});
after(async () => {
  await Promise.all(programs.map((program) => program.end('SIGTERM')));
  gateway.close();
  upstream.close();
  rmSync(folder, { recursive: true });
});

const check = () =>
  checkBff({
    url,
    login: '/auth/login',
    session: '/auth/session',
    logout: '/auth/logout',
    field: ['Portico-CSRF', '1'],
    user: 'ada',
    password: 'demo',
  });

test('the gateway keeps all that is asked of a BFF', async () => {
  gateway.weaken({});
  const results = await check();
  assert.deepEqual(
    results.filter(({ outcome }) => outcome === 'failed'),
    [],
  );
  // There is no https here.
  const skipped = results.filter(({ outcome }) => outcome === 'skipped').map(({ name }) => name);
  assert.deepEqual(skipped, ['cookie-secure', 'cookie-prefix']);
});

test('what is skipped on http finds a weak cookie on https', async () => {
  const named = (wanted: string) => checks.find(({ name }) => name === wanted)?.run;
  const bff = (name: string, attributes: string) =>
    ({
      url: 'https://x',
      signedIn: async () => ({ name, cookie: `${name}=x; ${attributes}` }),
    }) as BffUnderCheck;
  for (const [name, weak, good] of [
    ['cookie-secure', bff('a', 'HttpOnly'), bff('a', 'HttpOnly; Secure')],
    ['cookie-prefix', bff('a', 'Secure'), bff('__Host-a', 'Secure')],
  ] as const) {
    assert.equal(typeof (await named(name)?.(weak)), 'string', name);
    assert.equal(await named(name)?.(good), undefined, name);
  }
});

test('a BFF with a Lax cookie, which answers CONNECT as anything else, is blamed for neither', async (t) => {
  const server = createServer((req, res) => {
    const isKnown = req.headers.cookie === 'bff=x';
    if (!isKnown && req.method === 'GET') res.setHeader('set-cookie', 'bff=; Max-Age=0');
    res.writeHead(isKnown ? 200 : 401).end();
  });
  let opensTunnels = false;
  server.on('connect', (req, socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    if (!opensTunnels) return socket.end();
    const [host, port] = String(req.url).split(':');
    return socket.pipe(connect({ host, port: Number(port) })).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const visitor = createVisitor();
  visitor.cookies(own).set('bff', 'x');
  const run = (wanted: string, sameSite: string) =>
    checks
      .find(({ name }) => name === wanted)
      ?.run({
        url: own,
        session: '/session',
        logout: '/logout',
        ownFields: {},
        signedIn: async () => ({ visitor, name: 'bff', cookie: `bff=x; SameSite=${sameSite}` }),
      } as unknown as BffUnderCheck);
  assert.equal(await run('cookie-stays', 'Lax'), undefined);
  assert.equal(typeof (await run('cookie-stays', 'Strict')), 'string');
  assert.equal(await run('closed-proxy', 'Lax'), undefined);
  opensTunnels = true;
  assert.equal(await run('closed-proxy', 'Lax'), 'another host is reached by CONNECT');
});

test('there is a weakened gateway for each check that a gateway on http can fail', () => {
  const names = checks
    .map(({ name }) => name)
    .filter((name) => !['cookie-secure', 'cookie-prefix'].includes(name));
  assert.deepEqual(Object.keys(weaknesses).sort(), names.sort());
});

for (const [name, weakness] of Object.entries(weaknesses)) {
  test(`a gateway that is weak in ${name} fails there`, async () => {
    gateway.weaken(weakness);
    const found = (await check()).find((result) => result.name === name);
    assert.equal(found?.outcome, 'failed', JSON.stringify(found));
    // And not since nobody could look.
    assert.doesNotMatch(found.why ?? '', /fetch failed|aborted|no redirect|sets no cookie/);
  });
}

test('the report is for people or machines, and says by its exit code whether a MUST is broken', async () => {
  const run = async (...args: string[]) => {
    let text = '';
    const write = (more: string) => {
      text += more;
    };
    const code = await runConformance([url, '--user', 'ada', ...args], write);
    return { code, text };
  };
  gateway.weaken({});
  const good = await run();
  assert.equal(good.code, 0);
  assert.match(good.text, /^passed {3}MUST {4}code-grant {11}RFC 10017 6\.1\.3\.1$/m);
  assert.match(good.text, /\n19 passed, 0 failed, 2 skipped\n$/);
  gateway.weaken(weaknesses['cookie-http-only'] ?? {});
  const weak = await run('--json');
  assert.equal(weak.code, 1);
  const { results } = JSON.parse(weak.text);
  assert.ok(
    results.some(
      (each: { name: string; outcome: string }) =>
        each.name === 'cookie-http-only' && each.outcome === 'failed',
    ),
  );
  await assert.rejects(
    runConformance([], () => {}),
    /say portico conformance <url>/,
  );
});
