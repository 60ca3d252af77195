import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpAnswer } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { parseGatewayFile } from '../table/read-gateway-file.ts';
import { toRouteTable } from '../table/route-table.ts';
import { startTestGateway } from '../test-gateway.fixture.ts';

const tableWith = (answerFields: string) => (url: string) =>
  toRouteTable(
    parseGatewayFile(
      `upstreams: { u: { targets: ["${url}"] } }
routes:
  - { path: /as-it-is, upstream: u }
  - { path: /changed, upstream: u, answerFields: ${answerFields} }
`,
      'gateway.yaml',
      {},
    ),
  );
const answer = () => [
  httpAnswer(200, 'ok', {
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': 'default-src *',
    'Set-Cookie': ['a=1', 'b=2'],
    'X-Debug': 'y',
  }),
];

test('a route may leave fields of an answer out, and set others', async (t) => {
  const { url } = await startTestGateway(t, answer, {
    table: tableWith(
      '{ remove: [x-debug, set-cookie], set: { cache-control: "max-age=60, public", x-new: z } }',
    ),
  });
  const { headers } = await request(url).get('/changed').expect(200, 'ok');
  assert.equal(headers['cache-control'], 'max-age=60, public');
  assert.equal(headers['x-new'], 'z');
  assert.equal(headers['x-debug'], undefined);
  assert.equal(headers['set-cookie'], undefined);
  assert.equal(headers['content-security-policy'], 'default-src *');
  assert.equal(headers['x-frame-options'], 'DENY');

  const { headers: unchanged } = await request(url).get('/as-it-is').expect(200);
  assert.equal(unchanged['x-debug'], 'y');
  assert.equal(unchanged['x-new'], undefined);
  assert.deepEqual(unchanged['set-cookie'], ['a=1', 'b=2']);
});

test('security fields of a route’s answers may be others, or none; those of refusals stay', async (t) => {
  const { url, upstream } = await startTestGateway(t, answer, {
    table: tableWith(
      '{ remove: [x-frame-options], set: { cross-origin-resource-policy: cross-origin, content-security-policy: sandbox } }',
    ),
  });
  const { headers } = await request(url).get('/changed').expect(200);
  assert.equal(headers['x-frame-options'], undefined);
  assert.equal(headers['cross-origin-resource-policy'], 'cross-origin');
  assert.equal(headers['content-security-policy'], 'sandbox');
  assert.equal(headers['x-content-type-options'], 'nosniff');

  const refusal = await request(url).put('/changed').expect(405);
  assert.equal(refusal.headers['x-frame-options'], 'DENY');
  assert.equal(refusal.headers['cross-origin-resource-policy'], 'same-origin');
  assert.match(refusal.headers['content-security-policy'] ?? '', /^default-src 'self'/);

  upstream.behave(() => [httpAnswer(200)]);
  const withoutPolicy = await request(url).get('/as-it-is').expect(200);
  assert.match(withoutPolicy.headers['content-security-policy'] ?? '', /^default-src 'self'/);
});

test('without a content security policy means without the gateway’s as well', async (t) => {
  const { url, upstream } = await startTestGateway(t, answer, {
    table: tableWith('{ remove: [content-security-policy] }'),
  });
  for (const script of [answer, () => [httpAnswer(200)]]) {
    upstream.behave(script);
    const { headers } = await request(url).get('/changed').expect(200);
    assert.equal(headers['content-security-policy'], undefined);
  }
});

test('hints that a route leaves out are not passed on before the answer either', async (t) => {
  const hinting = () => ['HTTP/1.1 103 X\r\nLink: </a>\r\n\r\n', httpAnswer(200, 'ok', { Link: '</a>' })];
  const { send } = await startTestGateway(t, hinting, { table: tableWith('{ remove: [link] }') });
  const ask = (path: string) => send(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  assert.match(await ask('/as-it-is'), /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK/);
  assert.doesNotMatch(await ask('/changed'), /103|Link/);
});
