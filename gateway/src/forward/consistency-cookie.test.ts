import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpAnswer, type Script } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { startTestGateway } from '../test-gateway.fixture.ts';

const answers =
  (fields: Record<string, string>): Script =>
  () => [httpAnswer(200, '{}', { 'Content-Type': 'application/json', ...fields })];
const withToken = answers({ 'Portico-Consistency': 'new.token' });

test('a browser keeps the token of an answer as a cookie, and no shared cache keeps the answer', async (t) => {
  const { url, upstream } = await startTestGateway(t, withToken);
  const { headers } = await request(url).get('/graphql').expect(200);
  assert.equal(headers['portico-consistency'], 'new.token');
  const cookie = 'portico-consistency=new.token; Max-Age=10; Path=/; HttpOnly; SameSite=Strict';
  assert.deepEqual(headers['set-cookie'], [cookie]);
  assert.equal(headers['cache-control'], 'private');

  upstream.behave(answers({ 'Portico-Consistency': 'new.token', 'Cache-Control': 'no-store' }));
  assert.equal((await request(url).get('/graphql')).headers['cache-control'], 'no-store');
});

test('there is no cookie without a token, for what could not be one, and for who sends the field', async (t) => {
  const { url, upstream } = await startTestGateway(t, withToken);
  const sent = await request(url).get('/graphql').set('Portico-Consistency', 'a.b');
  assert.equal(sent.headers['set-cookie'], undefined);
  for (const fields of [{}, { 'Portico-Consistency': 'a; Domain=x' }, { 'Portico-Consistency': '' }]) {
    upstream.behave(answers(fields as Record<string, string>));
    const { headers } = await request(url).get('/graphql').expect(200);
    assert.equal(headers['set-cookie'], undefined);
  }
});

test('the token goes inward from the field or else the cookie, and nothing else of the cookies', async (t) => {
  const { url, upstream } = await startTestGateway(t);
  const inward = async (path: string, fields: Record<string, string>) => {
    await request(url).get(path).set(fields).expect(200);
    const got = new Map(upstream.requests.at(-1)?.fields);
    assert.equal(got.get('cookie'), undefined);
    return got.get('portico-consistency');
  };
  const Cookie = 'a=b; portico-consistency=of.cookie; c=d';
  assert.equal(await inward('/graphql', { Cookie }), 'of.cookie');
  assert.equal(await inward('/graphql', { Cookie, 'Portico-Consistency': 'of.field' }), 'of.field');
  assert.equal(
    await inward('/graphql', { Cookie: 'x-portico-consistency=a; portico-consistency="a b"' }),
    undefined,
  );
  assert.equal(await inward('/api/v1/home', { Cookie }), undefined);
  assert.equal(await inward('/api/v1/home', { 'Portico-Consistency': 'of.field' }), 'of.field');
  assert.equal(await inward('/', { Cookie, 'Portico-Consistency': 'of.field' }), undefined);
});

test('commands get through on their own routes alone', async (t) => {
  const { url } = await startTestGateway(t);
  await request(url).post('/api/v1/products/p1/reviews').set('Idempotency-Key', 'k').send({}).expect(200);
  // Nobody is known here.
  await request(url).put('/api/v1/operator/products/p1/price').send({}).expect(401);
  await request(url).put('/api/v1/products/p1').send({}).expect(405);
  await request(url).post('/api/v1/home').send({}).expect(405);
});
