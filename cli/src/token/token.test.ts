import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { printToken } from './print-token.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-token-'));
let issuer: string;
let provider: ChildProcess;

async function serve(answer: Parameters<typeof createServer>[1]) {
  const server = createServer(answer as never).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return { url, close };
}

before(async () => {
  const free = await serve(undefined);
  await free.close();
  issuer = free.url;
  const program = fileURLToPath(new URL('../../../mock-services/identity/src/main.ts', import.meta.url));
  provider = fork(program, [], {
    env: {
      PATH: process.env.PATH,
      LOG_LEVEL: 'error',
      PORTICO_IDENTITY_PORT: new URL(issuer).port,
      PORTICO_IDENTITY_DIR: folder,
    },
  });
  await once(provider, 'message');
});
after(() => {
  provider?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function run(args: string[], env: Record<string, string> = { OIDC_ISSUER: issuer }) {
  let out = '';
  const lines: string[] = [];
  const code = await printToken({
    args,
    env,
    write: (text) => {
      out += text;
    },
    complain: (line) => lines.push(line),
  });
  return { code, out, lines };
}

test('the token of the user stands alone on stdout', async () => {
  const { code, out, lines } = await run(['grace']);
  assert.deepEqual([code, lines], [0, []]);
  assert.match(out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  const claims = JSON.parse(Buffer.from(out.split('.')[1] ?? '', 'base64url').toString());
  assert.deepEqual([claims.sub, claims.client_id, claims.iss], ['c2', 'portico-cli', issuer]);
});

test('what the provider refuses is said in its words, on stderr', async () => {
  for (const args of [['ada', '--password', 'wrong'], ['nobody']]) {
    assert.deepEqual(await run(args), {
      code: 1,
      out: '',
      lines: ['portico token: There is no user with this name and password.'],
    });
  }
});

test('wrong arguments are answered with how it goes', async () => {
  for (const args of [[], ['ada', 'grace'], ['ada', '--passwort', 'x'], ['--password', 'demo']]) {
    const { code, out, lines } = await run(args);
    assert.deepEqual([code, out], [2, '']);
    assert.match(String(lines), /^Usage: portico token <user>/);
  }
});

test('a provider that is not there, or is none, is named', async (t) => {
  const nobody = await run(['ada'], { OIDC_ISSUER: 'http://127.0.0.1:1/' });
  assert.equal(nobody.code, 1);
  assert.match(
    String(nobody.lines),
    /^portico token: http:\/\/127\.0\.0\.1:1 can not be reached; is the demo running/,
  );

  const other = await serve((_req, res) => res.end('{"issuer":"https://evil.example"}'));
  t.after(other.close);
  const wrong = await run(['ada'], { OIDC_ISSUER: other.url });
  assert.deepEqual(wrong.lines, [`portico token: ${other.url} is no OpenID provider of this name`]);
});
