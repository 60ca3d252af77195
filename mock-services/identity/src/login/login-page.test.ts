import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  cli,
  createBrowser,
  exchange,
  phone,
  startIdentity,
  type TestIdentity,
} from '../identity.fixture.ts';

let identity: TestIdentity;
let now = Date.now();
before(async () => {
  identity = await startIdentity({ now: () => now });
});
after(() => identity.close());

const open = () => createBrowser(identity.issuer);

describe('The login page', () => {
  it('is a form that needs no script, under a policy that allows none', async () => {
    const browser = open();
    const { status, text, headers } = await browser.get(await browser.begin(phone));
    assert.equal(status, 200);
    assert.match(
      text,
      /<label for="login">[\s\S]*autocomplete="username"[\s\S]*autocomplete="current-password"/,
    );
    assert.match(text, /Portico for phones/);
    assert.doesNotMatch(text, /<script|<style|style=| on\w+=/);
    const policy = String(headers.get('content-security-policy'));
    assert.match(
      policy,
      /^default-src 'none'; style-src 'self'; form-action 'self' com\.example\.portico:; /,
    );
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal(headers.get('cache-control'), 'no-store');
    const style = await browser.get('/login.css');
    assert.equal(style.headers.get('content-type'), 'text/css; charset=utf-8');
  });

  it('says that name and password don’t fit, in the same words for both, and lets one try again', async () => {
    const browser = open();
    const path = await browser.begin(cli);
    const said = new Set<string>();
    for (const form of [
      { login: 'ada', password: 'no' },
      { login: 'nobody', password: 'demo' },
      { login: 'ada' },
      {},
    ]) {
      const { status, text } = await browser.post(`${path}/login`, form as Record<string, string>);
      assert.equal(status, 401);
      said.add(/role="alert">([^<]+)/.exec(text)?.[1] ?? '');
    }
    assert.deepEqual([...said], ['There is no user with this name and password.']);
    assert.equal((await browser.post(`${path}/login`, { login: 'ada', password: 'demo' })).status, 303);
  });

  it('shows what was typed as text', async () => {
    const browser = open();
    const path = await browser.begin(cli, { login_hint: '"><script>alert(1)</script>' });
    assert.doesNotMatch((await browser.get(path)).text, /<script/);
    const { text } = await browser.post(`${path}/login`, { login: '"><script>', password: 'x' });
    assert.doesNotMatch(text, /<script/);
    assert.match(text, /value="&quot;&gt;&lt;script&gt;"/);
  });

  it('refuses a user for a while after five wrong passwords, the right one too, and no other user', async () => {
    const browser = open();
    const path = await browser.begin(cli);
    const attempt = (login: string, password: string) => browser.post(`${path}/login`, { login, password });
    for (let n = 0; n < 5; n += 1) assert.equal((await attempt('c77', 'wrong')).status, 401);
    const refused = await attempt('c77', 'demo');
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get('retry-after'), '60');
    assert.match(refused.text, /try again in 60 seconds/);
    assert.equal((await attempt('C77 ', 'demo')).status, 429);
    assert.equal((await attempt('c78', 'wrong')).status, 401);
    now += 60_000;
    assert.equal((await attempt('c77', 'demo')).status, 303);
  });

  it('leads back to the app when the user cancels', async () => {
    const browser = open();
    const sent = await browser.post(`${await browser.begin(cli)}/cancel`);
    const { searchParams } = new URL((await browser.get(sent.location)).location);
    assert.deepEqual([searchParams.get('error'), searchParams.get('state')], ['access_denied', 'the-state']);
  });
});

describe('A sign-in', () => {
  it('belongs to the browser that began it', async () => {
    const path = await open().begin(cli);
    for (const answer of [
      await open().get(path),
      await open().post(`${path}/login`, { login: 'ada', password: 'demo' }),
      await open().post(`${path}/cancel`),
    ]) {
      assert.equal(answer.status, 400);
      assert.match(answer.text, /begun in another browser/);
    }
  });

  it('is taken from our own page only', async () => {
    const browser = open();
    const path = await browser.begin(cli);
    const form = { login: 'ada', password: 'demo' };
    for (const origin of [
      'https://evil.example',
      'null',
      identity.issuer.replace('127.0.0.1', 'localhost'),
    ]) {
      assert.equal((await browser.post(`${path}/login`, form, { origin })).status, 403);
    }
    assert.equal((await browser.post(`${path}/login`, form, { origin: identity.issuer })).status, 303);
    const cookies = (await open().get(`/auth?${new URLSearchParams({ ...cli })}`)).headers.getSetCookie();
    for (const cookie of cookies) assert.match(cookie, /samesite=lax; httponly/i);
  });
});

describe('Somebody who is signed in already', () => {
  it('is asked whether to go on, by name, and needs no password', async () => {
    const browser = open();
    await browser.signIn(cli, 'ada');
    const path = await browser.begin(phone);
    const { text } = await browser.get(path);
    assert.match(text, /Go on as Ada L\.\?/);
    const sent = await browser.post(`${path}/continue`);
    const address = new URL((await browser.get(sent.location)).location);
    const { status } = await exchange(identity.issuer, phone, address.searchParams.get('code'));
    assert.equal(status, 200);
  });

  it('can be somebody else', async () => {
    const browser = open();
    await browser.signIn(cli, 'ada');
    const path = await browser.begin(cli);
    assert.match((await browser.get(`${path}?user=other`)).text, /name="password"/);
    const sent = await browser.post(`${path}/login`, { login: 'grace', password: 'demo' });
    // The provider ends the first session by a form that its page sends by itself.
    const page = await browser.get(sent.location);
    const action = new URL(/action="([^"]+)"/.exec(page.text)?.[1] ?? '').pathname;
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const ended = await browser.post(action, { xsrf, logout: 'yes' });
    const address = new URL((await browser.get(ended.location)).location);
    const { body } = await exchange(identity.issuer, cli, address.searchParams.get('code'));
    const claims = JSON.parse(
      Buffer.from(String(body.access_token).split('.')[1] ?? '', 'base64url').toString(),
    );
    assert.equal(claims.sub, 'c2');
  });

  it('can not go on without a password where one is needed', async () => {
    const browser = open();
    const path = await browser.begin(cli);
    assert.equal((await browser.post(`${path}/continue`)).status, 400);
  });
});
