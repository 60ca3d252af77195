import assert from 'node:assert/strict';
import { test } from 'node:test';
import request from 'supertest';
import { ownScript, setCookies, startSignInGateway } from './test-sign-in.fixture.ts';

const fieldsOf = (upstream: {
  readonly requests: readonly { readonly fields: Iterable<readonly [string, string]> }[];
}) => new Map(upstream.requests.at(-1)?.fields);

test('a sign-in sends the browser to the provider with code, PKCE, state and nonce, all of them new each time', async (t) => {
  const { provider, browser } = await startSignInGateway(t);
  const seen = new Set<string>();
  for (let n = 0; n < 2; n += 1) {
    const url = new URL(await browser().begin('/shop'));
    assert.equal(url.origin + url.pathname, `${provider.issuer}/authorize`);
    const { state, nonce, code_challenge, ...others } = Object.fromEntries(url.searchParams);
    assert.deepEqual(others, {
      client_id: 'the-gateway',
      code_challenge_method: 'S256',
      redirect_uri: 'http://localhost:8080/auth/callback',
      response_type: 'code',
      scope: 'openid shop',
    });
    for (const value of [state, nonce, code_challenge]) {
      assert.match(String(value), /^[\w-]{43}$/);
      seen.add(String(value));
    }
  }
  assert.equal(seen.size, 6);
});

test('who has signed in has a session of which the browser knows nothing but an id', async (t) => {
  const { browser } = await startSignInGateway(t);
  const ada = browser();
  const back = await ada.signIn({ sub: 'c1' }, '/shop?page=2#top');
  assert.equal(back.status, 303);
  assert.equal(back.headers.location, '/shop?page=2#top');
  assert.equal(back.headers['cache-control'], 'no-store');
  const [session = ''] = setCookies(back);
  assert.match(session, /^portico=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
  assert.deepEqual([...ada.jar.keys()], ['portico']);
  const claims = await ada.get('/auth/session');
  assert.deepEqual(claims.body, { sub: 'c1', name: 'Name of c1' });
  assert.equal(claims.headers['cache-control'], 'no-store');
});

test('behind https the cookies are for https and for this host alone', async (t) => {
  const { browser } = await startSignInGateway(t, { oidc: { publicUrl: 'https://shop.test' } });
  const ada = browser();
  const begun = await ada.get('/auth/login', {});
  assert.match(
    String(setCookies(begun)),
    /^__Host-portico-sign-in-[\w-]{12}=.*; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
  );
  const [session = ''] = setCookies(await ada.signIn());
  assert.match(
    session,
    /^__Host-portico=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
  );
  assert.equal((await ada.get('/auth/session')).status, 200);
});

test('the access token of a session goes inward where the route knows users, the cookie never does', async (t) => {
  const { browser, upstream } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn();
  for (const [path, passed] of [
    ['/required', true],
    ['/optional', true],
    ['/none', false],
  ] as const) {
    assert.equal((await ada.get(path)).status, 200, path);
    const fields = fieldsOf(upstream);
    assert.equal(fields.get('authorization')?.startsWith('Bearer eyJ') ?? false, passed, path);
    assert.equal(fields.has('cookie'), false, path);
    assert.equal(fields.has('portico-csrf'), false, path);
  }
});

test('no answer to a browser has a token in it', async (t) => {
  const { browser, upstream, provider } = await startSignInGateway(t);
  const ada = browser();
  const answers = [await ada.signIn(), await ada.get('/auth/session'), await ada.get('/required')];
  const accessToken = fieldsOf(upstream).get('authorization')?.slice('Bearer '.length) ?? '';
  const refreshTokens = provider.liveRefreshTokens();
  assert.equal(refreshTokens.length, 1);
  answers.push(await ada.post('/auth/logout'));
  const seen = JSON.stringify(answers.map(({ headers, text }) => [headers, text])) + ada.cookies();
  for (const token of [accessToken, ...refreshTokens]) assert.ok(!seen.includes(token));
  assert.ok(!/eyJ[\w-]+\.[\w-]+\./.test(seen), 'nor an id token');
});

test('signing out ends the session, and says where to sign out at the provider', async (t) => {
  const { browser, provider } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn();
  const kept = ada.cookies();
  const out = await ada.post('/auth/logout');
  assert.equal(out.status, 200);
  const url = new URL(out.body.logoutUrl);
  assert.equal(url.origin + url.pathname, `${provider.issuer}/end`);
  assert.deepEqual(Object.fromEntries(url.searchParams), {
    client_id: 'the-gateway',
    post_logout_redirect_uri: 'http://localhost:8080/',
  });
  assert.equal(ada.jar.size, 0);
  assert.equal((await ada.get('/required', { ...ownScript, cookie: kept })).status, 401);
  // It was asked to forget it beside the answer.
  while (provider.liveRefreshTokens().length > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('nobody without a session is told that nobody is signed in', async (t) => {
  const { url } = await startSignInGateway(t);
  const answer = await request(url).get('/auth/session').expect(401);
  assert.equal(answer.body.type, 'urn:portico:problem:unauthenticated');
  assert.equal(answer.headers['www-authenticate'], 'Bearer');
  await request(url).post('/auth/logout').expect(200);
  await request(url).get('/optional').expect(200);
  await request(url).get('/required').expect(401);
});

test('a session that is over is a 401 once, which takes the cookie off', async (t) => {
  const { browser, upstream } = await startSignInGateway(t);
  const ada = browser();
  ada.jar.set('portico', 'A'.repeat(43));
  const told = await ada.get('/optional');
  assert.equal(told.status, 401);
  assert.equal(told.body.type, 'urn:portico:problem:unauthenticated');
  assert.equal(upstream.requests.length, 0);
  assert.equal(ada.jar.size, 0);
  assert.equal((await ada.get('/optional')).status, 200);
});

test('a session ends when it is not used, and in any case after its time', async (t) => {
  let now = Date.now();
  const { browser } = await startSignInGateway(t, {
    now: () => now,
    oidc: { idleSeconds: 100, absoluteSeconds: 250 },
  });
  const [used, unused] = [browser(), browser()];
  await used.signIn();
  await unused.signIn();
  for (let passed = 0; passed < 240; passed += 60) {
    now += 60_000;
    if (passed === 0) assert.equal((await unused.get('/required')).status, 200);
    assert.equal((await used.get('/required')).status, 200, `after ${passed + 60} s`);
  }
  assert.equal((await unused.get('/required')).status, 401);
  now += 10_000;
  assert.equal((await used.get('/required')).status, 401);
});

test('a sign-in gives a new id, and ends the session that the browser had', async (t) => {
  const { browser, provider } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn({ sub: 'c1' });
  const before = ada.cookies();
  // The provider, another site, sends the browser back: the Strict cookie of the old session isn't sent then.
  const url = await ada.begin();
  ada.jar.delete('portico');
  await ada.get(provider.authorize(url), {});
  assert.notEqual(ada.cookies(), before);
  assert.equal((await ada.get('/required')).status, 200);
  assert.equal((await ada.get('/required', { ...ownScript, cookie: before })).status, 401);
  // The provider is not told: it would forget all of this sign-in.
  assert.equal(provider.liveRefreshTokens().length, 2);
});

test('an id that somebody else has put there is not the one after the sign-in', async (t) => {
  const { browser } = await startSignInGateway(t);
  const mallory = browser();
  await mallory.signIn({ sub: 'c2' });
  const ada = browser();
  ada.jar.set('portico', mallory.jar.get('portico') ?? '');
  await ada.signIn({ sub: 'c1' });
  assert.notEqual(ada.jar.get('portico'), mallory.jar.get('portico'));
  assert.equal((await ada.get('/auth/session')).body.sub, 'c1');
  assert.equal((await mallory.get('/auth/session')).status, 401);
});

test('several tabs can sign in at once', async (t) => {
  const { browser, provider } = await startSignInGateway(t);
  const ada = browser();
  const [one, two] = [await ada.begin('/one'), await ada.begin('/two')];
  for (const [url, path] of [
    [two, '/two'],
    [one, '/one'],
  ] as const) {
    const back = await ada.get(provider.authorize(url), {});
    assert.equal(back.headers.location, path);
  }
});

test('of the sign-ins that a browser has under way the oldest give way', async (t) => {
  let now = Date.now();
  const { browser, provider } = await startSignInGateway(t, { now: () => now });
  const ada = browser();
  const first = await ada.begin();
  for (let n = 0; n < 20; n += 1) {
    now += 1_000;
    await ada.begin();
    assert.ok(ada.jar.size <= 4, `${ada.jar.size} cookies`);
  }
  assert.equal((await ada.get(provider.authorize(first), {})).status, 400);
  assert.equal((await ada.signIn()).status, 303);
});

test('who comes back from another site goes on by a page of ours, as the new cookie would not be sent otherwise', async (t) => {
  const { browser, provider } = await startSignInGateway(t);
  const ada = browser();
  const path = provider.authorize(await ada.begin(`/shop?a='b'&c=d`));
  const back = await ada.get(path, { 'sec-fetch-site': 'cross-site' });
  assert.equal(back.status, 200);
  assert.match(back.text, /content='0;url=\/shop\?a=&#39;b&#39;&amp;c=d'/);
  assert.equal((await ada.get('/auth/session')).status, 200);
});

test('without a jwt block the session says who it is, and access tokens of others mean nothing', async (t) => {
  const { url, browser, upstream, provider } = await startSignInGateway(t, { jwt: false });
  const ada = browser();
  await ada.signIn();
  assert.equal((await ada.get('/required')).status, 200);
  assert.match(fieldsOf(upstream).get('authorization') ?? '', /^Bearer /);
  await request(url)
    .get('/required')
    .set('Authorization', `Bearer ${await provider.mint()}`)
    .expect(401);
});

test('what the secret before sealed is read on, what a foreign one sealed is nothing', async (t) => {
  const { store, provider, browser } = await startSignInGateway(t, {
    secrets: ['the first secret of this test, long'],
  });
  const ada = browser();
  await ada.signIn();
  const after = await startSignInGateway(t, {
    store,
    provider,
    secrets: ['the next secret of this test, long', 'the first secret of this test, long'],
  });
  const foreign = await startSignInGateway(t, {
    store,
    provider,
    secrets: ['a foreign secret of this test, long'],
  });
  const [later, never] = [after.browser(), foreign.browser()];
  for (const other of [later, never]) other.jar.set('portico', ada.jar.get('portico') ?? '');
  assert.equal((await later.get('/required')).status, 200);
  assert.equal((await never.get('/required')).status, 401);
});
