import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { problemTypes } from '@portico/runtime/problems.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import supertest from 'supertest';
import { createTestBff } from './mobile-bff.fixture.ts';

describe('A request that can not be answered', () => {
  let shop: ShopServices;
  let bff: ReturnType<typeof createTestBff>;
  before(async () => {
    shop = await startShopServices();
  });
  after(() => shop.close());
  beforeEach(() => {
    bff = createTestBff(shop.urls);
    shop.takeCalls();
  });
  afterEach(() => bff.close());

  /** Sends a GET and expects this problem, with these words in its detail. */
  const refused = async (
    problem: keyof typeof problemTypes,
    path: string,
    words: string,
    headers: Record<string, string> = {},
  ) => {
    const answer = await supertest(bff.app).get(path).set(headers);
    assert.equal(answer.status, problemTypes[problem].status, `${path}: ${answer.text}`);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal(answer.headers.etag, undefined);
    assert.equal(answer.body.type, `urn:portico:problem:${problem}`);
    assert.equal(answer.body.requestId, answer.headers['x-request-id']);
    assert.ok(answer.body.detail.includes(words), `${path}: ${answer.body.detail}`);
    return answer;
  };

  it('has a limit that is none: 0, -1, a billion, words, twice', async () => {
    for (const limit of ['0', '-1', '1000000000', '1e9', 'abc', '', '1.5', '01', '101', ' 1', 'NaN']) {
      await refused('invalid-request', `/api/v1/products?limit=${limit}`, '"limit"');
    }
    await refused('invalid-request', '/api/v1/products?limit=1&limit=2', 'more than once');
    assert.deepEqual(shop.takeCalls(), []);
  });

  it('has a cursor of nobody, or of another list', async () => {
    const { body } = await supertest(bff.app).get('/api/v1/products?limit=1');
    const notGiven = 'cursor is not one that this list has given';
    await refused('invalid-request', '/api/v1/products?cursor=abc', notGiven);
    await refused('invalid-request', `/api/v1/products?sort=newest&cursor=${body.next}`, notGiven);
    await refused('invalid-request', `/api/v1/products?category=coffee&cursor=${body.next}`, notGiven);
    await refused('invalid-request', '/api/v1/products?cursor=', '"cursor"');
    await refused('invalid-request', `/api/v1/products?cursor=${'a'.repeat(513)}`, '"cursor"');
  });

  it('has a category that does not exist, or could not', async () => {
    await refused('invalid-request', '/api/v1/products?category=cars', 'There is no category "cars".');
    await refused('invalid-request', '/api/v1/products?category=CARS%00', '"category"');
  });

  it('picks a field that does not exist, or none, or one twice', async () => {
    await refused('invalid-request', '/api/v1/products?fields=name,secret', 'secret');
    await refused('invalid-request', '/api/v1/products?fields=', '"fields"');
    await refused('invalid-request', '/api/v1/products?fields=name,name', '"fields"');
    await refused('invalid-request', '/api/v1/products?fields=name&fields=price', 'more than once');
    await refused('invalid-request', '/api/v1/products?fields=__proto__', '__proto__');
  });

  it('has a query parameter that does not exist', async () => {
    await refused('invalid-request', '/api/v1/products?page=2', '"page"');
    await refused('invalid-request', '/api/v1/home?limit=2', '"limit"');
    await refused('invalid-request', '/api/v1/products?limit[]=2', '"limit[]"');
  });

  it('looks for what no text has, or for an order that does not exist', async () => {
    for (const q of ['', '%3F!', 'a%00', '%ff', 'x'.repeat(201)])
      await refused('invalid-request', `/api/v1/products?q=${q}`, q === '%ff' ? '' : '"q"');
    await refused('invalid-request', '/api/v1/products?sort=best', '"sort"');
    assert.deepEqual(shop.takeCalls(), []);
  });

  it('asks for the order by rating while the catalogue does not know the ratings', async () => {
    shop.data.ratingsAreKnown = false;
    for (let asked = 0; asked < 20; asked++)
      await refused('not-supported', '/api/v1/products?sort=rating', 'rating');
    shop.data.ratingsAreKnown = true;
    assert.equal((await supertest(bff.app).get('/api/v1/products?sort=rating')).status, 200);
  });

  it('names a product that does not exist, or could not', async () => {
    await refused('not-found', '/api/v1/products/p999', 'No product has the id "p999".');
    for (const id of [
      'p0',
      'P1',
      'p1%00',
      'p1%20',
      '%F0%9F%9A%80',
      'p1.svg',
      'p01',
      `p${'1'.repeat(5_000)}`,
      '..%2f..',
    ]) {
      await refused('not-found', `/api/v1/products/${id}`, 'Nothing has this id.');
    }
  });

  it('has a path that is not UTF-8, or not percent-encoded', async () => {
    for (const id of ['%ff', '%', '%zz', '%c3%28']) {
      await refused('invalid-request', `/api/v1/products/${id}`, 'percent-encoded');
    }
  });

  it('has a path that does not exist', async () => {
    for (const path of [
      '/',
      '/api',
      '/api/v1',
      '/api/v1/order',
      '/api/v1/home/',
      '/API/v1/home',
      '/api/v1//home',
    ]) {
      await refused('not-found', path, 'No endpoint');
    }
  });

  it('has a method that the path does not take', async () => {
    for (const path of ['/api/v1/home', '/api/v1/products', '/api/v1/products/p1', '/api/v1/me']) {
      for (const method of ['post', 'put', 'patch', 'delete', 'options'] as const) {
        const answer = await supertest(bff.app)[method](path);
        assert.equal(answer.status, 405, `${method} ${path}`);
        assert.equal(answer.headers.allow, 'GET, HEAD');
        assert.equal(answer.body.type, 'urn:portico:problem:method-not-allowed');
      }
    }
  });

  it('comes from an app that is too old, whatever it asks for', async () => {
    for (const path of ['/api/v1/home', '/api/v1/products?limit=abc', '/api/v1/gone']) {
      const { body } = await refused('upgrade-required', path, '1.4.0', { 'X-App-Version': '1.3.9' });
      assert.equal(body.minimumVersion, '1.4.0');
    }
    await refused('upgrade-required', '/api/v1/home', '1.4.0', { 'X-App-Version': '1.4.0-beta' });
    for (const version of ['1.4.0', '1.10', '2']) {
      const answer = await supertest(bff.app).get('/api/v1/home').set('X-App-Version', version);
      assert.equal(answer.status, 200);
    }
  });

  it('has header fields that make no sense', async () => {
    for (const version of ['latest', '', '1.4.0, 1.4.0', `1.${'4'.repeat(8_000)}`]) {
      await refused('invalid-request', '/api/v1/home', 'X-App-Version', { 'X-App-Version': version });
    }
    const odd = {
      'If-None-Match': '"'.repeat(4_000),
      'Accept-Encoding': 'br;q=x, *;q=0, ,;;',
      'X-Request-Id': '<script>',
      traceparent: 'zz',
      'Portico-Timeout-Ms': '-5',
      Accept: 'image/png',
      Range: 'bytes=0-1',
      'Content-Type': 'application/json',
    };
    const answer = await supertest(bff.app).get('/api/v1/home').set(odd);
    assert.equal(answer.status, 200);
    assert.match(String(answer.headers['x-request-id']), /^[\da-f]{32}$/);
  });

  it('says how it was answered', async () => {
    const { headers } = await refused('not-found', '/api/v1/products/p999', 'p999');
    assert.match(String(headers['server-timing']), /^downstream;desc="calls=\d"/);
    assert.match(String(headers['cache-status']), /^portico-mobile; /);
  });
});
