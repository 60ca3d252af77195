import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import supertest from 'supertest';
import { createTestBff } from '../mobile-bff.fixture.ts';

describe('The documentation', () => {
  const nowhere = 'http://127.0.0.1:1';
  let bff: ReturnType<typeof createTestBff>;
  before(() => {
    bff = createTestBff({ catalog: nowhere, inventory: nowhere, reviews: nowhere, customers: nowhere });
  });
  after(() => bff.close());

  const get = (path: string) => supertest(bff.app).get(path);

  it('has the document that requests are validated by', async () => {
    const { headers, body } = await get('/api/openapi.json');
    assert.equal(headers['content-type'], 'application/json; charset=utf-8');
    assert.deepEqual(body, loadOpenApi('mobile'));
  });

  it('has a page for people, whose links lead to what there is', async () => {
    const { status, headers, text } = await get('/api/docs');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    const links = [...text.matchAll(/href="(\/[^"]*)"/g)].map(([, link]) => String(link));
    assert.deepEqual(links, ['/api/docs/docs.css', '/api/openapi.json']);
    for (const link of links) assert.equal((await get(link)).status, 200);
    for (const [, anchor] of text.matchAll(/href="#([^"]*)"/g)) assert.ok(text.includes(`id="${anchor}"`));
  });

  it('has a stylesheet that loads nothing', async () => {
    const { headers, text } = await get('/api/docs/docs.css');
    assert.equal(headers['content-type'], 'text/css; charset=utf-8');
    assert.doesNotMatch(text, /url\(|@import/);
  });

  it('shows commands for the address that the reader used', async () => {
    const shown = async (headers: Record<string, string>) => {
      const { text } = await get('/api/docs').set(headers);
      return /curl -i --compressed &#39;(.*)\/api\/v1\/home&#39;/.exec(text)?.[1];
    };
    assert.equal(await shown({ Host: 'shop.example:8443' }), 'http://shop.example:8443');
    assert.equal(await shown({ Host: '[::1]:8080' }), 'http://[::1]:8080');
    const proxied = {
      Host: '127.0.0.1:4002',
      'X-Forwarded-Host': 'shop.example',
      'X-Forwarded-Proto': 'https',
    };
    assert.equal(await shown(proxied), 'https://shop.example');
    assert.equal(await shown({ 'X-Forwarded-Host': "x'; rm -rf ~ #" }), 'http://localhost:8080');
  });

  it('is for reading only', async () => {
    for (const path of ['/api/openapi.json', '/api/docs', '/api/docs/docs.css']) {
      const { status, headers } = await supertest(bff.app).post(path);
      assert.deepEqual([status, headers.allow], [405, 'GET, HEAD']);
    }
    assert.equal((await get('/api/docs/other.css')).status, 404);
  });
});
