import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import request from 'supertest';
import type { ProcessStatus } from './kept-process.ts';
import { serviceNames } from './service-names.ts';
import { createSite } from './site.ts';
import { reportStatuses } from './status.ts';

const site = createSite(async () => []);

test('the start page loads its own files and nothing from elsewhere', async () => {
  const page = await request(site)
    .get('/')
    .expect(200)
    .expect('content-type', /^text\/html/);
  const loaded = [...page.text.matchAll(/<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"/g)];
  assert.ok(loaded.length >= 5);
  for (const [, url = ''] of loaded) await request(site).get(url).expect(200);
  assert.doesNotMatch(
    page.text,
    /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/,
    'nothing that its CSP forbids',
  );
});

test('the start page shows every service', async () => {
  const { text } = await request(site).get('/').expect(200);
  for (const name of ['gateway', 'web', 'mobile', 'capture', 'lake', ...serviceNames])
    assert.ok(text.includes(`data-process="${name}"`), name);
});

test('product pictures may be kept for ever', async () => {
  const answer = await request(site).get('/images/coffee/p1.svg').expect(200);
  assert.match(String(answer.headers['content-type']), /^image\/svg\+xml/);
  assert.match(String(answer.headers['cache-control']), /max-age=31536000, immutable/);
});

for (const path of [
  '/nothing',
  '/images/cars/p1.svg',
  '/images/coffee/p1.png',
  '/images/coffee/%00.svg',
  '/site/',
  '/site/nothing.js',
  '/site/%2e%2e/main.ts',
  '/site/..%2fmain.ts',
]) {
  test(`GET ${path} is a problem`, async () => {
    const answer = await request(site).get(path);
    assert.ok([403, 404].includes(answer.status), String(answer.status));
    assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
  });
}

test('the status tells who is ready, what a process waits for, and no address or password', async (t) => {
  const admin = createServer((_req, res) => res.end('{"ready":false,"notReady":["database"]}'));
  await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve));
  t.after(() => admin.close());
  const adminUrl = `http://127.0.0.1:${(admin.address() as AddressInfo).port}`;

  const status = (name: string, more: Partial<ProcessStatus>): ProcessStatus => {
    return { name, state: 'ready', pid: 1, restarts: 0, ready: undefined, ...more };
  };
  const statuses = [
    status('postgres', {
      ready: { url: 'postgres://postgres:secret@127.0.0.1', engine: 'embedded PostgreSQL' },
    }),
    status('catalog', { ready: { url: 'http://127.0.0.1:1', admin: adminUrl } }),
    status('reviews', { ready: { url: 'http://127.0.0.1:1', admin: 'http://127.0.0.1:9' } }),
    status('web', {
      state: 'restarting',
      restarts: 3,
      ready: { url: 'http://127.0.0.1:1', admin: adminUrl },
    }),
  ];
  const answer = await request(createSite(() => reportStatuses(statuses))).get('/status.json');
  assert.deepEqual(answer.body.processes, [
    { name: 'postgres', state: 'ready', pid: 1, restarts: 0, engine: 'embedded PostgreSQL', notReady: [] },
    { name: 'catalog', state: 'ready', pid: 1, restarts: 0, notReady: ['database'] },
    { name: 'reviews', state: 'ready', pid: 1, restarts: 0, notReady: ['no answer'] },
    { name: 'web', state: 'restarting', pid: 1, restarts: 3, notReady: [] },
  ]);
  assert.equal(answer.headers['cache-control'], 'no-store');
});
