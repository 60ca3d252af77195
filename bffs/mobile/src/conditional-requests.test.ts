import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { createTestBff } from './mobile-bff.fixture.ts';

const paths = [
  '/api/v1/home',
  '/api/v1/products',
  '/api/v1/products?limit=1&fields=id',
  '/api/v1/products/p1',
  '/api/openapi.json',
  '/api/docs',
  '/api/docs/docs.css',
];

describe('Every answer to GET', () => {
  let shop: ShopServices;
  let bff: ReturnType<typeof createTestBff>;
  let server: Server;
  before(async () => {
    shop = await startShopServices();
    bff = createTestBff(shop.urls, { callTimeoutMs: 20_000 });
    server = createServer(bff.app).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    server.close();
    server.closeAllConnections();
    await bff.close();
    await shop.close();
  });

  /** Gives the body as it is on the wire, which other clients decompress. */
  const send = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const { port } = server.address() as AddressInfo;
    const sent = request({ port, method, path, headers }).end();
    const answer: IncomingMessage = (await once(sent, 'response'))[0];
    return { status: answer.statusCode, headers: answer.headers, body: await buffer(answer) };
  };
  const get = (path: string, headers?: Record<string, string>) => send('GET', path, headers);

  for (const path of paths) {
    describe(path, () => {
      it('has a tag, and is 304 without a body for whoever has it', async () => {
        const { headers } = await get(path);
        const tag = String(headers.etag);
        assert.match(tag, /^W\/"[\w-]+"$/);
        for (const field of [tag, tag.slice(2), `"other", ${tag}`, '*']) {
          const again = await get(path, { 'If-None-Match': field });
          assert.equal(again.status, 304, field);
          assert.equal(again.body.length, 0);
          assert.equal(again.headers['content-type'], undefined);
          for (const name of ['etag', 'cache-control', 'vary']) {
            assert.equal(again.headers[name], headers[name], name);
          }
        }
        assert.equal((await get(path, { 'If-None-Match': '"other"' })).status, 200);
      });

      it('may be kept if it is asked for each time, and depends on the encoding', async () => {
        const { headers } = await get(path);
        assert.equal(headers['cache-control'], 'no-cache');
        assert.equal(headers.vary, 'Accept-Encoding');
      });

      it('answers HEAD with the same fields and no body', async () => {
        const full = await get(path);
        const head = await send('HEAD', path);
        assert.equal(head.status, 200);
        assert.equal(head.body.length, 0);
        for (const name of ['etag', 'content-type', 'cache-control', 'vary']) {
          assert.equal(head.headers[name], full.headers[name], name);
        }
        const unchanged = await send('HEAD', path, { 'If-None-Match': String(full.headers.etag) });
        assert.equal(unchanged.status, 304);
      });
    });
  }

  it('says how it was made, a 304 as well', async () => {
    const { headers } = await get('/api/v1/home');
    for (const wanted of [{}, { 'If-None-Match': String(headers.etag) }]) {
      const answer = await get('/api/v1/home', wanted);
      assert.match(String(answer.headers['server-timing']), /^downstream;desc="calls=\d+";dur=/);
      assert.match(String(answer.headers['cache-status']), /^portico-mobile; /);
    }
  });

  it('is compressed as the client likes, with the tag that it has uncompressed', async () => {
    for (const path of ['/api/v1/home', '/api/v1/products', '/api/openapi.json', '/api/docs']) {
      const plain = await get(path);
      assert.equal(plain.headers['content-encoding'], undefined);
      assert.equal(plain.headers['content-length'], String(plain.body.length));

      const brotli = await get(path, { 'Accept-Encoding': 'gzip, deflate, br' });
      assert.equal(brotli.headers['content-encoding'], 'br');
      assert.deepEqual(brotliDecompressSync(brotli.body), plain.body);
      assert.ok(brotli.body.length < plain.body.length / 2);

      for (const accepted of ['gzip', 'br;q=0, gzip;q=0.5', 'br;q=0.1, gzip']) {
        const gzip = await get(path, { 'Accept-Encoding': accepted });
        assert.equal(gzip.headers['content-encoding'], 'gzip', accepted);
        assert.deepEqual(gunzipSync(gzip.body), plain.body);
        assert.equal(gzip.headers.etag, plain.headers.etag);
      }
    }
  });

  it('is left as it is when it is small, or nothing else is accepted', async () => {
    const small = await get('/api/v1/products?limit=1&fields=id', { 'Accept-Encoding': 'br' });
    assert.equal(small.headers['content-encoding'], undefined);
    assert.equal(small.headers.vary, 'Accept-Encoding');
    const odd = await get('/api/v1/home', { 'Accept-Encoding': 'zstd' });
    assert.equal(odd.headers['content-encoding'], undefined);
  });
});
