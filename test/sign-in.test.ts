import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePorts } from '@portico/demo/free-port.ts';
import {
  createBrowser as createPhoneBrowser,
  exchange,
  phone,
  token,
} from '@portico/mock-identity/identity.fixture.ts';
import { openEventStream } from '@portico/testing/event-stream-reader.ts';
import { type Program, startProgram } from '@portico/testing/program.ts';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-sign-in-'));
const secret = { OIDC_CLIENT_SECRET: signInSettings.OIDC_CLIENT_SECRET };
const own = { 'portico-csrf': '1' };
const programs: Program[] = [];
let gateway = '';
let issuer = '';
let identityAdmin = '';
/** The last request that went inward. */
let inward: { readonly authorization?: string | undefined; readonly cookie?: string | undefined } = {};

const upstream = createServer((req, res) => {
  inward = { authorization: req.headers.authorization, cookie: req.headers.cookie };
  if (req.headers.accept !== 'text/event-stream') return void res.end('{}');
  res.setHeader('Content-Type', 'text/event-stream');
  res.write('data: first\n\n');
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
      PORTICO_DEMO: 'true',
    }).then(({ admin }) => {
      identityAdmin = admin;
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
  const openStream = () => {
    const jar = jars.get(new URL(gateway).host) ?? [];
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    return openEventStream(`${gateway}/graphql`, {
      headers: { accept: 'text/event-stream', cookie, ...own },
    });
  };
  return { visit, open, submit, signIn, session, openStream };
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

test('a user who is disabled is signed out everywhere, and signs in no more', async (t) => {
  const [ada, there, grace] = [createBrowser(), createBrowser(), createBrowser()];
  await ada.signIn('ada');
  await there.signIn('ada');
  await grace.signIn('grace');
  const back = await createPhoneBrowser(issuer).signIn(phone, 'ada');
  const { body: tokens } = await exchange(issuer, phone, back.searchParams.get('code'));
  const refresh = () =>
    token(issuer, {
      grant_type: 'refresh_token',
      client_id: phone.client_id,
      refresh_token: tokens.refresh_token ?? '',
    });
  const streams = await Promise.all([ada, there, grace].map((browser) => browser.openStream()));
  for (const stream of streams) assert.equal((await stream.next())?.data, 'first');
  const [ofAda, ofThere, ofGrace] = streams.map((stream) => stream.next().catch(() => undefined));

  const disabled = (login: string) => `${identityAdmin}/users/${login}/disabled`;
  assert.equal((await fetch(disabled('ada'), { method: 'PUT' })).status, 204);
  const disabledAt = performance.now();
  assert.deepEqual(await Promise.all([ofAda, ofThere]), [undefined, undefined]);
  t.diagnostic(`streams ended after ${Math.round(performance.now() - disabledAt)} ms`);
  for (const browser of [ada, there]) assert.equal((await browser.session()).status, 401);
  assert.equal((await grace.session()).status, 200);
  assert.equal(await Promise.race([ofGrace, 'open']), 'open');
  streams[2]?.cut();
  const refused = await refresh();
  assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant']);

  // The provider knows nobody in this browser any more, and takes the right password for none.
  const page = await ada.open(`${gateway}/auth/login`);
  assert.match(page.text, /name="password"/);
  const told = await ada.submit(page, { login: 'ada', password: 'demo' });
  assert.deepEqual(
    [told.status, /role="alert">([^<]+)/.exec(told.text)?.[1]],
    [403, 'This user is disabled, and can not sign in.'],
  );
  const wrong = await ada.submit(told, { login: 'ada', password: 'wrong' });
  assert.match(wrong.text, /There is no user with this name and password/);
  assert.equal((await fetch(disabled('nobody'), { method: 'PUT' })).status, 404);

  assert.equal((await fetch(disabled('ada'), { method: 'DELETE' })).status, 204);
  await ada.signIn('ada');
  assert.equal((await ada.session()).status, 200);
  assert.equal((await refresh()).status, 400);
});
