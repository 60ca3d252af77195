import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '@portico/runtime/log.ts';
import request from 'supertest';
import { ownScript, setCookies, startSignInGateway } from './test-sign-in.fixture.ts';

/** The same path with these parameters instead; without those that are undefined. */
function changed(path: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(path, 'http://x');
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url.pathname + url.search;
}

test('a sign-in that comes back other than it was begun gives no session', async (t) => {
  const { browser, provider } = await startSignInGateway(t);
  const cases: Record<string, (path: string) => string> = {
    'no state': (path) => changed(path, { state: undefined }),
    'another state': (path) => changed(path, { state: 'A'.repeat(43) }),
    'two states': (path) => `${path}&state=${'A'.repeat(43)}`,
    'no code': (path) => changed(path, { code: undefined }),
    'a code that is none': (path) => changed(path, { code: 'x' }),
    'two codes': (path) => `${path}&code=x`,
    'no issuer': (path) => changed(path, { iss: undefined }),
    'another issuer': (path) => changed(path, { iss: 'https://evil.test' }),
    'an error of the provider': (path) => changed(path, { code: undefined, error: 'server_error' }),
    'nothing at all': () => '/auth/callback',
  };
  for (const [name, change] of Object.entries(cases)) {
    const ada = browser();
    const back = await ada.get(change(provider.authorize(await ada.begin())), {});
    assert.ok([400, 401].includes(back.status), `${name}: ${back.status}`);
    assert.equal(back.headers['content-type'], 'application/problem+json', name);
    assert.equal(ada.jar.has('portico'), false, name);
  }
});

test('an id token that is not for this sign-in gives no session', async (t) => {
  const { browser } = await startSignInGateway(t);
  const now = Math.floor(Date.now() / 1_000);
  for (const claims of [
    { nonce: undefined },
    { nonce: 'A'.repeat(43) },
    { aud: 'another-client' },
    { iss: 'https://evil.test' },
    { exp: now - 600 },
    { sub: undefined },
  ]) {
    const ada = browser();
    const back = await ada.signIn({ claims });
    assert.equal(back.status, 401, JSON.stringify(claims));
    assert.equal(ada.jar.has('portico'), false, JSON.stringify(claims));
  }
});

test('nobody is signed in by the sign-in of another browser', async (t) => {
  const { browser, provider } = await startSignInGateway(t);
  const [mallory, ada] = [browser(), browser()];
  const stolen = provider.authorize(await mallory.begin(), { sub: 'c2' });
  await ada.begin();
  assert.equal((await ada.get(stolen, {})).status, 400);
  // Nor by a cookie of the other one under a name of her own.
  const [name = ''] = ada.jar.keys();
  const [foreign = ''] = mallory.jar.values();
  ada.jar.set(name, foreign);
  assert.equal((await ada.get(stolen, {})).status, 400);
  assert.equal(provider.requests.length, 0);
});

test('a sign-in comes back once: of twenty at the same time one has a session', async (t) => {
  const { browser, provider, url } = await startSignInGateway(t);
  const ada = browser();
  const path = provider.authorize(await ada.begin());
  const cookie = ada.cookies();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () =>
      request(url)
        .get(path)
        .redirects(0)
        .ok(() => true)
        .set({ cookie }),
    ),
  );
  const statuses = answers.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [303, ...Array(19).fill(400)]);
  assert.equal(provider.requests.length, 1);
  assert.equal((await request(url).get(path).set({ cookie })).status, 400);
});

test('a sign-in takes ten minutes at the most', async (t) => {
  let now = Date.now();
  const { browser, provider } = await startSignInGateway(t, { now: () => now });
  const [ada, late] = [browser(), browser()];
  const path = provider.authorize(await ada.begin());
  const latePath = provider.authorize(await late.begin());
  now += 599_000;
  assert.equal((await ada.get(path, {})).status, 303);
  now += 1_000;
  assert.equal((await late.get(latePath, {})).status, 400);
});

test('who cancels at the provider is back where he was, without a session', async (t) => {
  const { browser, provider } = await startSignInGateway(t);
  const ada = browser();
  const path = provider.authorize(await ada.begin('/shop'));
  const back = await ada.get(changed(path, { code: undefined, error: 'access_denied' }), {});
  assert.deepEqual([back.status, back.headers.location, ada.jar.size], [303, '/shop', 0]);
});

test('a sign-in leads back to paths of our own only', async (t) => {
  const { browser } = await startSignInGateway(t);
  for (const given of [
    '//evil.test',
    '///evil.test',
    '/\\evil.test',
    '\\\\evil.test',
    'https:evil.test',
    'https://evil.test/',
    '/%2f%2fevil.test',
    '/%5cevil.test',
    'javascript:alert(1)',
    'evil.test',
    '/\t/evil.test',
    '\t//evil.test',
    '/\n/evil.test',
    '/a/../..//evil.test',
    '/.//evil.test',
    '/a\r\nSet-Cookie: a=b',
    '/ä',
    ' /shop',
    '?x',
    '',
    `/${'a'.repeat(600)}`,
    '/auth/login?returnTo=/',
  ]) {
    const back = await browser().signIn({}, given);
    assert.equal(back.headers.location, '/', JSON.stringify(given));
  }
  const ada = browser();
  const twice = await ada.get('/auth/login?returnTo=/a&returnTo=//evil.test', {});
  assert.equal(twice.status, 302);
  for (const path of ['/', '/shop', '/shop/p1?a=b&c=https://x//y#part', '/orders/%E2%82%AC']) {
    assert.equal((await browser().signIn({}, path)).headers.location, path);
  }
});

test('a session cookie that is no session is nobody: forged, cut, swapped, of 8 kB', async (t) => {
  const { browser, upstream } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn();
  const good = ada.jar.get('portico') ?? '';
  const flipped = `${good.slice(0, 20)}${good[20] === 'A' ? 'B' : 'A'}${good.slice(21)}`;
  for (const value of [
    '',
    'x',
    flipped,
    good.slice(1),
    `${good}A`,
    good.toUpperCase(),
    'A'.repeat(8_000),
    '%00',
    '"',
  ]) {
    const mallory = browser();
    mallory.jar.set('portico', value);
    for (const path of ['/required', '/optional']) {
      const answer = await mallory.get(path, { ...ownScript, cookie: `portico=${value}` });
      assert.equal(answer.status, 401, value.slice(0, 50));
      assert.match(String(setCookies(answer)), /^portico=; Max-Age=0;/);
    }
  }
  const twice = await ada.get('/required', {
    ...ownScript,
    cookie: `portico=${good}; a=b; portico=${flipped}`,
  });
  assert.equal(twice.status, 400);
  assert.equal(upstream.requests.length, 0);
  assert.equal((await ada.get('/required')).status, 200);
});

test('a request that brings a session and an access token is refused', async (t) => {
  const { browser, provider, upstream } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn();
  const authorization = `Bearer ${await provider.mint({ sub: 'c2' })}`;
  assert.equal((await ada.get('/optional', { ...ownScript, authorization })).status, 400);
  assert.equal(upstream.requests.length, 0);
});

test('a sign-in is begun by a page, not by an image or frame of another one', async (t) => {
  const { url } = await startSignInGateway(t);
  for (const fields of [
    { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
    { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
  ]) {
    await request(url).get('/auth/login').set(fields).expect(403);
  }
  await request(url)
    .get('/auth/login')
    .set({ 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'cross-site' })
    .expect(302);
});

test('sign-ins from one address are counted, whatever it says that it is, and take no memory here', async (t) => {
  const { url, store } = await startSignInGateway(t, { oidc: { signInsPerMinute: 5 } });
  let kept = 0;
  const { create, lease } = store;
  Object.assign(store, {
    create: (...given: Parameters<typeof create>) => create(...given).finally(() => kept++),
    lease: (...given: Parameters<typeof lease>) => lease(...given).finally(() => kept++),
  });
  const statuses: number[] = [];
  for (let n = 0; n < 8; n += 1) {
    statuses.push(
      (
        await request(url)
          .get('/auth/login')
          .set({ 'X-Forwarded-For': `198.51.100.${n}`, Forwarded: `for=198.51.100.${n}` })
          .redirects(0)
          .ok(() => true)
      ).status,
    );
    await request(url)
      .get('/auth/callback?state=x&code=y')
      .ok(() => true);
  }
  assert.deepEqual(statuses, [302, 302, 302, 302, 302, 429, 429, 429]);
  assert.equal(kept, 0);
});

test('the log has no code, state, cookie or token of a sign-in, good or bad', async (t) => {
  const lines: string[] = [];
  const log = createLogger({
    name: 'gateway',
    level: 'trace',
    destination: { write: (line) => void lines.push(line) },
  });
  const { browser, provider } = await startSignInGateway(t, { log });
  const [ada, bad, lost] = [browser(), browser(), browser()];
  const url = await ada.begin();
  const path = provider.authorize(url);
  const cookies = ada.cookies();
  await ada.get(path, {});
  await bad.signIn({ claims: { nonce: 'x' } });
  provider.behave(() => ({ error: 'server_error' }));
  await lost.signIn();
  await ada.get('/required');
  await ada.post('/auth/logout');
  const secrets = [
    ...new URL(url).searchParams.values(),
    ...new URL(path, 'http://x').searchParams.values(),
    ...`${cookies}; ${ada.cookies()}`.split(/[=;] ?/),
    ...provider.requests.flatMap((form) => [...form.values()]),
    ...provider.liveRefreshTokens(),
  ].filter((value) => value.length >= 40);
  assert.ok(secrets.length >= 8 && lines.length >= 5);
  const said = lines.join('');
  for (const secret of secrets) assert.ok(!said.includes(secret), secret);
  assert.ok(!said.includes('eyJ'));
});
