import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePorts } from '@portico/demo/free-port.ts';
import { type Program, startProgram } from '@portico/testing/program.ts';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-sign-in-'));
const secret = { OIDC_CLIENT_SECRET: signInSettings.OIDC_CLIENT_SECRET };
const own = { 'portico-csrf': '1' };
const programs: Program[] = [];
let gateway = '';
let issuer = '';
/** The last request that went inward. */
let inward: { readonly authorization?: string | undefined; readonly cookie?: string | undefined } = {};

const upstream = createServer((req, res) => {
  inward = { authorization: req.headers.authorization, cookie: req.headers.cookie };
  res.end('{}');
});

before(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const [gatewayPort, identityPort] = (await freePorts(2)).map(String);
  gateway = `http://localhost:${gatewayPort}`;
  issuer = `http://127.0.0.1:${identityPort}`;
  const shared = { ...signInSettings, ...secret, PORTICO_PUBLIC_URL: gateway, LOG_LEVEL: 'info' };
  const start = (path: string, env: NodeJS.ProcessEnv) => {
    const program = startProgram(new URL(`../${path}`, import.meta.url), { ...shared, ...env });
    programs.push(program);
    return program.ready;
  };
  await Promise.all([
    start('mock-services/identity/src/main.ts', {
      PORTICO_IDENTITY_PORT: identityPort,
      PORTICO_IDENTITY_DIR: folder,
      ADMIN_PORT: '0',
    }),
    start('gateway/src/main.ts', {
      PORTICO_PORT: gatewayPort,
      PORTICO_ADMIN_PORT: '0',
      WEB_URL: url,
      MOBILE_URL: url,
      SITE_URL: url,
      OIDC_ISSUER: issuer,
    }),
  ]);
});
after(async () => {
  const said = await Promise.all(programs.map((program) => program.end('SIGTERM')));
  upstream.close();
  rmSync(folder, { recursive: true });
  // What went inward in all of these tests, and is in no log.
  for (const { stdout } of said) assert.ok(!/eyJ|code=|state=/.test(stdout));
});

/** Keeps cookies by host, and follows redirects. */
function createBrowser() {
  const jars = new Map<string, Map<string, string>>();
  const visit = async (address: string, init: RequestInit = {}) => {
    const { host, href } = new URL(address);
    const jar = jars.get(host) ?? new Map<string, string>();
    jars.set(host, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(href, { ...init, headers: { cookie, ...init.headers }, redirect: 'manual' });
    for (const field of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(field) ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    return {
      url: href,
      status: answer.status,
      location: answer.headers.get('location'),
      text: await answer.text(),
    };
  };
  const open = async (address: string, init?: RequestInit): ReturnType<typeof visit> => {
    const page = await visit(address, init);
    return page.location === null ? page : open(new URL(page.location, page.url).href);
  };
  const submit = (page: { url: string; text: string }, form: Record<string, string>) => {
    const action = /<form[^>]*\saction="([^"]+)"/.exec(page.text)?.[1] ?? '';
    return open(new URL(action, page.url).href, { method: 'POST', body: new URLSearchParams(form) });
  };
  const signIn = async (login: string, path = '/') => {
    const page = await open(`${gateway}/auth/login?${new URLSearchParams({ returnTo: path })}`);
    return submit(page, { login, password: 'demo' });
  };
  const session = () => visit(`${gateway}/auth/session`, { headers: own });
  return { visit, open, submit, signIn, session };
}

test('a user of the web signs in at the provider, and the tokens stay at the gateway', async () => {
  const ada = createBrowser();
  const page = await ada.signIn('ada', '/graphql?a=b');
  assert.equal(page.url, `${gateway}/graphql?a=b`);
  assert.deepEqual(JSON.parse((await ada.session()).text), {
    sub: 'c1',
    name: 'Ada L.',
    roles: ['customer'],
  });
  const answer = await ada.visit(`${gateway}/graphql`, { method: 'POST', headers: own });
  assert.equal(answer.status, 200);
  const claims = JSON.parse(Buffer.from(inward.authorization?.split('.')[1] ?? '', 'base64url').toString());
  assert.deepEqual([claims.sub, claims.aud, inward.cookie], ['c1', 'portico', undefined]);
  assert.equal((await ada.visit(`${gateway}/graphql`, { method: 'POST' })).status, 403);
});

test('who opens the gateway by another name of this machine signs in at the one that cookies are for', async () => {
  const ada = createBrowser();
  const page = await ada.open(`${gateway.replace('localhost', '127.0.0.1')}/auth/login?returnTo=/site/x`);
  assert.equal((await ada.submit(page, { login: 'ada', password: 'demo' })).url, `${gateway}/site/x`);
});

test('signing out ends the session here and at the provider', async () => {
  const ada = createBrowser();
  await ada.signIn('ada');
  const out = await ada.visit(`${gateway}/auth/logout`, { method: 'POST', headers: own });
  const { logoutUrl } = JSON.parse(out.text);
  assert.equal((await ada.session()).status, 401);
  const asked = await ada.open(logoutUrl);
  assert.match(asked.text, /Sign out\?/);
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(asked.text)?.[1] ?? '';
  assert.equal((await ada.submit(asked, { xsrf, logout: 'yes' })).url, `${gateway}/`);
  // It knows nobody any more.
  assert.match((await ada.open(`${gateway}/auth/login`)).text, /name="password"/);
});

test('who signs out at the provider is signed out here, and in this browser alone', async () => {
  const [ada, there] = [createBrowser(), createBrowser()];
  await ada.signIn('ada');
  await there.signIn('ada');
  const asked = await ada.open(`${issuer}/session/end`);
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(asked.text)?.[1] ?? '';
  await ada.submit(asked, { xsrf, logout: 'yes' });
  assert.equal((await ada.session()).status, 401);
  assert.equal((await there.session()).status, 200);
});
