import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestBytes, startTestGateway, statusOf } from '../test-gateway.fixture.ts';

test('a target that somebody behind could read as another path is refused', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  const targets = [
    '/api/v1/../../graphql',
    '/api/v1/./home',
    '/api/v1/..',
    '/./',
    '/api/v1/%2e%2e/x',
    '/api/v1/%2E/x',
    '/api/v1/.%2e/x',
    '/api/v1/..;/x',
    '/api/v1/x;y=1',
    '/api/v1/x%3by',
    '/api/v1/a%2Fb',
    '/api/v1/a%2fb',
    '/api/v1/a%5cb',
    '/api/v1/a%252e',
    '/api/v1/a\\b',
    '/api/v1//home',
    '//graphql',
    '//evil.test/graphql',
    '/api/v1/%00',
    '/api/v1/%0d%0aX:y',
    '/api/v1/%7f',
    '/api/v1/%',
    '/api/v1/%4',
    '/api/v1/%zz',
    '/api/v1/%ff',
    '/api/v1/%c0%ae',
    '/api/v1/%ed%a0%80',
    '/api/v1/a|b',
    '/api/v1/a"b',
    '/graphql#x',
    '/graphql?a#b',
    'http://portico.test/graphql',
    'https://evil.test/graphql',
    'http://[',
    'http:///graphql',
    '*',
  ];
  for (const target of targets) {
    const answer = await send(requestBytes(`GET ${target}`));
    assert.equal(statusOf(answer), 400, target);
    assert.match(answer, /^content-type: application\/problem\+json\r$/im, target);
    assert.match(answer, /"type":"urn:portico:problem:invalid-request"/, target);
  }
  assert.deepEqual(upstream.requests, []);
});

test('what only looks unusual gets through as it came', async (t) => {
  const { send, upstream } = await startTestGateway(t);
  const targets = [
    '/api/v1/...',
    '/api/v1/.well',
    '/api/v1/a.b..c',
    "/api/v1/~a!$&'()*+,=:@-_",
    '/api/v1/%E2%82%AC%20',
    '/api/v1/home?',
    '/api/v1/products?q=a/../b//c;d&e=%00%ff\\|{}"[]^`\'',
  ];
  for (const target of targets) {
    assert.equal(statusOf(await send(requestBytes(`GET ${target}`))), 200, target);
    assert.equal(upstream.requests.at(-1)?.target, target);
  }
});

test('a target of more than 8000 characters is a 414', async (t) => {
  const { send } = await startTestGateway(t);
  const target = (length: number) => '/api/v1/'.padEnd(length, 'x');
  assert.equal(statusOf(await send(requestBytes(`GET ${target(8_000)}`))), 200);
  assert.equal(statusOf(await send(requestBytes(`GET ${target(8_001)}`))), 414);
});
