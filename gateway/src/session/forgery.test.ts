import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpAnswer } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { ownScript, setCookies, startSignInGateway } from './test-sign-in.fixture.ts';

const page = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'none' };
const handshake = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

test('with a session, a request that another page may have brought about goes no further', async (t) => {
  const { browser, upstream } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn();
  const refused: [method: 'get' | 'post', fields: Record<string, string>][] = [
    ['post', {}],
    ['post', { 'portico-csrf': '0' }],
    ['post', { 'portico-csrf': '1, 1' }],
    ['post', { 'sec-fetch-site': 'same-origin' }],
    ['post', page],
    ['post', { 'content-type': 'application/x-www-form-urlencoded', origin: 'http://localhost:8080' }],
    ['get', {}],
    ['get', { 'sec-fetch-site': 'same-site' }],
    ['get', { 'sec-fetch-site': 'cross-site' }],
    ['get', { 'sec-fetch-site': 'none' }],
    ['get', { accept: 'text/event-stream' }],
    ['get', { ...page, accept: 'text/event-stream' }],
    ['get', { ...page, 'sec-fetch-dest': 'iframe' }],
    ['get', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image', 'sec-fetch-site': 'cross-site' }],
  ];
  for (const path of ['/optional', '/required']) {
    for (const [method, fields] of refused) {
      const answer = await ada[method](path, fields);
      assert.equal(answer.status, 403, `${method} ${path} ${JSON.stringify(fields)}`);
      assert.equal(answer.body.type, 'urn:portico:problem:forbidden');
    }
  }
  assert.equal(upstream.requests.length, 0);
});

test('what our own pages send goes through, and the load of a page', async (t) => {
  const { browser, upstream } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn();
  const taken: [method: 'get' | 'post', fields: Record<string, string>][] = [
    ['post', ownScript],
    ['post', { ...ownScript, 'sec-fetch-site': 'same-origin' }],
    ['get', ownScript],
    ['get', { 'sec-fetch-site': 'same-origin' }],
    ['get', { 'sec-fetch-site': 'same-origin', accept: 'text/event-stream' }],
    ['get', page],
  ];
  for (const [method, fields] of taken) {
    assert.equal((await ada[method]('/required', fields)).status, 200, `${method} ${JSON.stringify(fields)}`);
  }
  assert.equal(upstream.requests.length, taken.length);
});

test('where nobody is known and without a session nothing of this is asked', async (t) => {
  const { browser, url, provider } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn();
  assert.equal((await ada.post('/none', {})).status, 200);
  assert.equal((await ada.get('/none', {})).status, 200);
  await request(url).post('/optional').expect(200);
  await request(url)
    .post('/required')
    .set('Authorization', `Bearer ${await provider.mint()}`)
    .expect(200);
});

test('a route where it is not asked says so itself', async (t) => {
  const { browser } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn();
  assert.equal((await ada.post('/lax', {})).status, 200);
});

test('signing out and asking who is signed in are held to the same', async (t) => {
  const { browser, url } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn();
  assert.equal((await ada.post('/auth/logout', {})).status, 403);
  assert.equal((await ada.post('/auth/logout', { 'sec-fetch-site': 'cross-site' })).status, 403);
  assert.equal((await ada.get('/auth/logout', {})).status, 405);
  assert.equal((await ada.get('/auth/session', {})).status, 403);
  assert.equal((await ada.get('/auth/session', page)).status, 200);
  await request(url).options('/auth/session').expect(405);
});

test('a page of another site that leads a browser here, which leaves out its cookie, takes none off', async (t) => {
  const { browser } = await startSignInGateway(t);
  const ada = browser();
  const led = { ...page, 'sec-fetch-site': 'cross-site' };
  const answers = [await ada.get('/auth/session', led), await ada.post('/auth/logout', led)];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [401, 200],
  );
  assert.deepEqual(answers.flatMap(setCookies), []);
});

test('with a session a WebSocket comes from exactly our own origin', async (t) => {
  const { browser, upstream } = await startSignInGateway(t);
  const ada = browser();
  await ada.signIn();
  for (const fields of [
    { origin: 'http://evil.test' },
    { origin: 'http://localhost:8081' },
    { origin: 'http://localhost:8080.evil.test' },
    { origin: 'null' },
    { ...ownScript, 'sec-fetch-site': 'same-origin' },
  ]) {
    const answer = await ada.get('/optional', { ...handshake, ...fields });
    assert.equal(answer.status, 403, JSON.stringify(fields));
  }
  assert.equal(upstream.requests.length, 0);
  // This server hands over no connection, which is found out next.
  const own = await ada.get('/optional', { ...handshake, origin: 'http://localhost:8080' });
  assert.equal(own.status, 400);
});

test('no other origin may read answers, whatever those behind the gateway say of it', async (t) => {
  const fields = {
    'Access-Control-Allow-Origin': 'https://evil.test',
    'Access-Control-Allow-Credentials': 'true',
  };
  const { url } = await startSignInGateway(t, { script: () => [httpAnswer(200, '{}', fields)] });
  const answer = await request(url).get('/optional').set('Origin', 'https://evil.test').expect(200);
  assert.deepEqual(
    Object.keys(answer.headers).filter((name) => name.startsWith('access-control')),
    [],
  );
  await request(url)
    .options('/optional')
    .set({ Origin: 'https://evil.test', 'Access-Control-Request-Headers': 'portico-csrf' })
    .expect(405);
});
