import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpAnswer } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { startSignInGateway } from './test-sign-in.fixture.ts';

test('an answer to somebody with a session or token is kept by no cache but their own', async (t) => {
  const { url, upstream, browser, provider } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn();
  const Authorization = `Bearer ${await provider.mint()}`;
  for (const [said, toUser] of [
    [undefined, 'private'],
    ['public, max-age=60, immutable', 'max-age=60, immutable, private'],
    ['s-maxage=600, stale-while-revalidate=5', 'stale-while-revalidate=5, private'],
    ['no-cache', 'no-cache, private'],
    ['Private', 'Private'],
    ['private="set-cookie", public', 'private="set-cookie", private'],
    ['no-store', 'no-store'],
    ['public, no-store', 'no-store'],
  ] as const) {
    for (const status of [200, 304, 404, 500]) {
      upstream.behave(() => [httpAnswer(status, '', said === undefined ? {} : { 'Cache-Control': said })]);
      for (const path of ['/required', '/optional', '/none']) {
        const what = `${said} ${status} ${path}`;
        assert.equal((await ada.get(path)).headers['cache-control'], toUser, what);
        const withToken = await request(url)
          .get(path)
          .set({ Authorization })
          .ok(() => true);
        assert.equal(withToken.headers['cache-control'], toUser, what);
        if (path === '/required') continue;
        assert.equal(
          (
            await request(url)
              .get(path)
              .ok(() => true)
          ).headers['cache-control'],
          said,
          what,
        );
      }
    }
  }
});

test('several fields that speak of caches become one', async (t) => {
  const { upstream, browser } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn();
  upstream.behave(() => [
    'HTTP/1.1 200 OK\r\nCache-Control: public\r\nContent-Length: 0\r\ncache-control: max-age=5\r\n\r\n',
  ]);
  assert.equal((await ada.get('/optional')).headers['cache-control'], 'max-age=5, private');
});

test('every answer of the gateway itself to somebody with a session is kept by nobody', async (t) => {
  const { browser, url, upstream } = await startSignInGateway(t);
  const ada = browser();
  const back = await ada.signIn();
  await upstream.close();
  for (const answer of [
    back,
    await ada.get('/auth/session'),
    await ada.get('/auth/login', {}),
    await ada.get('/required', {}),
    await ada.get('/required'),
    await ada.get('/nothing'),
    await ada.post('/auth/logout'),
    await request(url)
      .get('/auth/session')
      .ok(() => true),
  ]) {
    assert.equal(answer.headers['cache-control'], 'no-store', `${answer.status}`);
  }
});
