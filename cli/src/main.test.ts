import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const dir = mkdtempSync(join(tmpdir(), 'portico-cli-'));
after(() => rmSync(dir, { recursive: true }));

function portico(args: readonly string[], env: Record<string, string> = {}) {
  const program = fileURLToPath(new URL('./main.ts', import.meta.url));
  return spawnSync(process.execPath, [program, ...args], {
    cwd: dir,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

const goodFile = `upstreams:
  web: { targets: ["http://127.0.0.1:4001"] }
routes:
  - { path: /graphql, upstream: web, methods: [GET, POST] }
  - { path: "/api/*", upstream: web, host: phone.test }
  - { path: /live, upstream: web, webSocket: { origins: ["https://shop.test"] } }
`;

test('portico --help names every command', () => {
  const { status, stdout } = portico(['--help']);
  assert.equal(status, 0);
  assert.match(stdout, /^Usage: portico/);
  for (const command of ['demo', 'gateway', 'capture', 'hub', 'lake', 'faults', 'routes', 'token'])
    assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
  assert.match(stdout, /^ {2}mock .*<openapi file>/m);
});

test('an unknown command is an error that names the known ones', () => {
  const { status, stdout, stderr } = portico(['frobnicate']);
  assert.equal(status, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /no command "frobnicate"[\s\S]*demo/);
});

test('a Node that is too old is told apart in one line', () => {
  const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.20.0' } })`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(old)}`;
  const { status, stdout, stderr } = portico(['routes', 'check'], { NODE_OPTIONS });
  assert.equal(status, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /^portico: needs Node 24 or newer, and this is v[\d.]+\n$/);
});

test('a command with a wrong setting or option ends with one clear line', () => {
  writeFileSync(join(dir, 'good.yaml'), goodFile);
  const wrongPort = portico(['gateway', '--config', 'good.yaml'], { PORTICO_PORT: 'eighty' });
  assert.equal(wrongPort.status, 1);
  assert.match(
    wrongPort.stderr,
    /^wrong configuration: PORTICO_PORT must be an integer from 0 to 65535, got "eighty".*\n$/,
  );
  assert.match(
    portico(['gateway']).stderr,
    /^portico: say which file: portico gateway --config gateway.yaml\n$/,
  );
  assert.match(
    portico(['capture']).stderr,
    /^wrong configuration: HUB_URL is not set: expected a postgres:.*\n$/,
  );
  assert.match(
    portico(['capture', 'again']).stderr,
    /^portico: say portico capture, or .*resnapshot <service>\n$/,
  );
  assert.match(portico(['capture', 'resnapshot', 'moon']).stderr, /^portico: no events .* "moon"\n$/);
  assert.match(
    portico(['hub', 'forget']).stderr,
    /^portico: say portico hub renew-epoch, or .*forget <consumer>\n$/,
  );
  assert.match(
    portico(['hub', 'renew-epoch']).stderr,
    /^portico: HUB_URL is not set: expected a postgres:.*\n$/,
  );
  const nowhere = { HUB_URL: 'postgres://hub@127.0.0.1:1/hub' };
  assert.match(portico(['hub', 'renew-epoch'], nowhere).stderr, /^portico: .*ECONNREFUSED.*\n$/);
  assert.match(portico(['gateway', '--confg', 'x']).stderr, /^portico: Unknown option '--confg'.*\n$/);
});

test('portico routes check lists the routes of a file, or its mistakes with exit 1', () => {
  writeFileSync(join(dir, 'gateway.yaml'), goodFile);
  const good = portico(['routes', 'check']);
  assert.equal(good.status, 0);
  assert.match(good.stdout, /^\/graphql +GET,POST +-> web \(http:\/\/127\.0\.0\.1:4001\)$/m);
  assert.match(good.stdout, /^\/live +GET,HEAD,WebSocket -> web/m);
  assert.match(good.stdout, /^phone\.test\/api\/\* +GET,HEAD +-> web/m);

  writeFileSync(join(dir, 'bad.yaml'), `${goodFile}port: many\n`);
  const bad = portico(['routes', 'check', '--config', 'bad.yaml']);
  assert.equal(bad.status, 1);
  assert.equal(bad.stderr, 'bad.yaml:7:7 port must be integer, got "many"\n');
});

test('portico routes explain says what would become of a request', () => {
  writeFileSync(join(dir, 'gateway.yaml'), goodFile);
  const explain = (method: string, url: string) => portico(['routes', 'explain', method, url]).stdout;
  assert.match(
    explain('POST', 'http://x.test/graphql?a=1'),
    /^POST \/graphql goes by the route \/graphql to web/,
  );
  assert.match(explain('PUT', '/graphql'), /^405: the route \/graphql takes GET, POST, not PUT/);
  assert.match(explain('GET', 'https://Phone.Test:8443/api/v1'), /by the route phone\.test\/api\/\* to web/);
  assert.match(
    explain('GET', 'https://other.test/api/v1'),
    /^404: no route has the path \/api\/v1 on other\.test/,
  );
  assert.match(explain('GET', '/api/../graphql'), /^400: The path has to be absolute and unambiguous/);
  assert.match(
    explain('GET', '/live'),
    /^GET \/live goes by .*\n {2}or as a WebSocket, of pages of its own origin, https:\/\/shop\.test\n$/s,
  );
  assert.equal(portico(['routes', 'explain', 'GET']).status, 2);
});
