import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startScriptedServer } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { answersOk, porticoTable, startTestGateway } from '../test-gateway.fixture.ts';

test('each named path goes to its upstream, with the path and query as they came', async (t) => {
  const [web, mobile, site] = await Promise.all([1, 2, 3].map(() => startScriptedServer(answersOk)));
  t.after(() => Promise.all([web, mobile, site].map((server) => server?.close())));
  const upstreams = {
    web: { targets: [web?.url ?? ''] },
    mobile: { targets: [mobile?.url ?? ''] },
    site: { targets: [site?.url ?? ''] },
  };
  const { url } = await startTestGateway(t, answersOk, { table: { ...porticoTable('http://x'), upstreams } });

  const paths = [
    ['/graphql?query=%7Bme%7D', web],
    ['/api/v1', mobile],
    ['/api/v1/products/p1?fields=id,name&x=%2F..%2F', mobile],
    ['/api/v1/products/caf%C3%A9', mobile],
    ['/api/openapi.json', mobile],
    ['/api/docs', mobile],
    ['/api/docs/page.css', mobile],
    ['/', site],
    ['/site/page.js', site],
    ['/status.json', site],
    ['/images/c1/p1.svg', site],
  ] as const;
  for (const [path, server] of paths) {
    await request(url).get(path).expect(200);
    assert.equal(server?.requests.at(-1)?.target, path);
  }
  const forwarded = [web, mobile, site].map((server) => server?.requests.length);
  assert.deepEqual(forwarded, [1, 6, 4]);
});

test('a path that no route names is a 404 that no upstream hears of', async (t) => {
  const { url, upstream } = await startTestGateway(t);
  const unnamed = [
    '/graphql/',
    '/graphqlx',
    '/GraphQL',
    '/gr%61phql',
    '/api',
    '/api/',
    '/api/v2/home',
    '/api/v1x',
    '/api/openapi.json/x',
    '/api/docsx',
    '/faults',
    '/metrics',
    '/products',
    '/sitemap',
    '/images.svg',
  ];
  for (const path of unnamed) {
    const { body } = await request(url)
      .get(path)
      .expect(404)
      .expect('Content-Type', 'application/problem+json');
    assert.equal(body.type, 'urn:portico:problem:not-found', path);
  }
  assert.deepEqual(upstream.requests, []);
});

test('a route with a host is for that host alone, and comes before those of any host', async (t) => {
  const [shop, any] = await Promise.all([1, 2].map(() => startScriptedServer(answersOk)));
  t.after(() => Promise.all([shop, any].map((server) => server?.close())));
  const { routes } = porticoTable('http://x');
  const [route] = routes;
  assert.ok(route);
  const table = {
    upstreams: { shop: { targets: [shop?.url ?? ''] }, any: { targets: [any?.url ?? ''] } },
    routes: [
      { ...route, path: '/a/b', upstream: 'any', host: undefined },
      { ...route, path: '/a/*', upstream: 'shop', host: 'shop.test' },
    ],
  };
  const { url } = await startTestGateway(t, answersOk, { table });
  await request(url).get('/a/b').set('Host', 'Shop.Test:8080').expect(200);
  await request(url).get('/a/b').set('Host', 'other.test').expect(200);
  await request(url).get('/a/c').set('Host', 'other.test').expect(404);
  assert.deepEqual([shop?.requests.length, any?.requests.length], [1, 1]);
});

test('a method that the route does not name is a 405 that says which ones it takes', async (t) => {
  const { url, upstream } = await startTestGateway(t);
  for (const method of ['put', 'patch', 'delete', 'options'] as const) {
    await request(url)[method]('/graphql').expect(405).expect('Allow', 'GET, HEAD, POST');
  }
  for (const method of ['post', 'put', 'delete', 'options'] as const) {
    const { body } = await request(url)[method]('/api/v1/home').expect(405).expect('Allow', 'GET, HEAD');
    assert.equal(body.type, 'urn:portico:problem:method-not-allowed');
  }
  await request(url).trace('/').expect(405);
  await request(url).options('/nowhere').expect(404);
  assert.deepEqual(upstream.requests, []);
});
