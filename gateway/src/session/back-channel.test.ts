import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Claims } from '@portico/testing/token-issuer.ts';
import request from 'supertest';
import { startSignInGateway } from './test-sign-in.fixture.ts';

const path = '/auth/backchannel-logout';

test('the provider ends the sessions of one sign-in, or all of a user, and no others', async (t) => {
  const { url, browser, provider } = await startSignInGateway(t);
  const [one, two, other] = [browser(), browser(), browser()];
  await one.signIn({ sub: 'c1', sid: 's1' });
  await two.signIn({ sub: 'c1', sid: 's2' });
  await other.signIn({ sub: 'c2', sid: 's3' });
  const send = async (claims: Claims) =>
    request(url)
      .post(path)
      .type('form')
      .send({ logout_token: await provider.logoutToken(claims) });
  const statuses = () =>
    Promise.all([one, two, other].map(async (each) => (await each.get('/auth/session')).status));

  const answer = await send({ sid: 's1' });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.deepEqual(await statuses(), [401, 200, 200]);
  assert.equal((await send({})).status, 200);
  assert.deepEqual(await statuses(), [401, 401, 200]);
  assert.equal((await send({ sub: 'nobody' })).status, 200);
  assert.deepEqual(await statuses(), [401, 401, 200]);
});

test('a logout token that is none is refused, and ends nothing', async (t) => {
  const { url, browser, provider } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn({ sub: 'c1' });
  const now = Math.floor(Date.now() / 1_000);
  const good = await provider.logoutToken();
  const bodies: Record<string, string | object> = {
    'no token': {},
    'two tokens': `logout_token=${good}&logout_token=${good}`,
    'a token that is none': { logout_token: 'x.y.z' },
    'a changed signature': { logout_token: `${good.slice(0, -6)}AAAAAA` },
    'no signature': { logout_token: `${btoa('{"alg":"none"}')}.${good.split('.')[1]}.` },
    'another audience': { logout_token: await provider.logoutToken({ aud: 'portico' }) },
    'another issuer': { logout_token: await provider.logoutToken({ iss: 'https://evil.test' }) },
    'an old one': { logout_token: await provider.logoutToken({ iat: now - 200 }) },
    'one whose time is over': { logout_token: await provider.logoutToken({ exp: now - 60 }) },
    'no event': { logout_token: await provider.logoutToken({ events: undefined }) },
    'another event': { logout_token: await provider.logoutToken({ events: { x: {} } }) },
    'a nonce': { logout_token: await provider.logoutToken({ nonce: 'x' }) },
    nobody: { logout_token: await provider.logoutToken({ sub: undefined }) },
    'no id of its own': { logout_token: await provider.logoutToken({ jti: undefined }) },
    'an access token': { logout_token: await provider.logoutToken({}, { typ: 'at+jwt' }) },
  };
  for (const [name, body] of Object.entries(bodies)) {
    const answer = await request(url).post(path).type('form').send(body);
    assert.equal(answer.status, 400, `${name}: ${answer.text}`);
    assert.ok(!answer.text.includes('eyJ'), name);
  }
  await request(url).get(path).expect(405);
  await request(url)
    .post(path)
    .type('form')
    .send({ x: 'x'.repeat(20_000) })
    .expect(413);
  assert.equal((await ada.get('/auth/session')).status, 200);
});

test('a sign-in that is under way when its sessions are ended gives none, and the next one does', async (t) => {
  let now = Date.now();
  const started = await startSignInGateway(t, { now: () => now });
  const { url, browser, provider, store, gateway } = started;
  const byProvider = async (claims: Claims) => {
    const answer = await request(url)
      .post(path)
      .type('form')
      .send({ logout_token: await provider.logoutToken(claims) });
    assert.equal(answer.status, 200);
  };
  const ways: Record<string, () => Promise<unknown>> = {
    'one sign-in': () => byProvider({ sid: 's1', sub: undefined }),
    'all of a user': () => byProvider({}),
    'by an operator': async () => gateway.endSessions?.('sub', 'c1'),
  };
  const { create } = store;
  for (const [name, end] of Object.entries(ways)) {
    const [ada, grace] = [browser(), browser()];
    // The provider has given tokens, and the session is not there yet.
    store.create = async (session) => {
      now += 1;
      await end();
      return create(session);
    };
    const back = await ada.signIn({ sub: 'c1', sid: 's1' });
    assert.equal(back.status, 401, name);
    assert.equal(ada.jar.has('portico'), false, name);
    assert.equal((await grace.signIn({ sub: 'c2', sid: 's2' })).status, 303, name);
    // Nobody has a use for what the provider gave.
    while (provider.liveRefreshTokens().length > 1) await new Promise(setImmediate);
    store.create = create;
    now += 1;
    assert.equal((await ada.signIn({ sub: 'c1', sid: 's3' })).status, 303, name);
    assert.equal((await ada.get('/auth/session')).status, 200, name);
    for (const each of [ada, grace]) await each.post('/auth/logout');
    while (provider.liveRefreshTokens().length > 0) await new Promise(setImmediate);
  }
});

test('a code from before a sign-out at the provider gives no session after it', async (t) => {
  let now = Date.now();
  const { url, browser, provider } = await startSignInGateway(t, { now: () => now });
  const ada = browser();
  const back = provider.authorize(await ada.begin(), { sid: 's1' });
  now += 1;
  const token = await provider.logoutToken({ sid: 's1' });
  await request(url).post(path).type('form').send({ logout_token: token }).expect(200);
  now += 500_000;
  assert.equal((await ada.get(back, {})).status, 401);
});
