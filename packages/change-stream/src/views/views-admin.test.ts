import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createAdminApp } from '@portico/runtime/admin.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import request from 'supertest';
import type { FaultDesk } from '../faults/fault-desk.ts';
import type { LiveView } from './live-view.ts';
import { HistoryDamaged } from './record-history.ts';
import { createViewsAdmin } from './views-admin.ts';

type Rebuild = LiveView<never>['rebuild'];

const appWith = (rebuild: Rebuild) =>
  createAdminApp({
    metrics: createMetrics('test'),
    checks: {},
    stopping: () => false,
    extra: createViewsAdmin({ orders: { rebuild, faults: {} as FaultDesk } }),
  });
const ask = (rebuild: Rebuild) => request(appWith(rebuild)).post('/views/orders/rebuild').buffer(true);
const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const cursor = { position: { epoch: 'e1', number: 7, mark: 'm' }, gaps: {} };
const text = (res: NodeJS.ReadableStream, done: (error: Error | null, body: string) => void) => {
  let body = '';
  res.on('data', (chunk) => {
    body += chunk;
  });
  res.on('end', () => done(null, body));
};

test('a rebuild tells how far it came and what position the view has, or what is wrong', async () => {
  const { body } = await ask(async ({ onProgress }) => {
    onProgress?.({ records: 7, of: 7 });
    return cursor;
  })
    .send({})
    .parse(text as never);
  const [progress, { position, seconds }] = linesOf(body);
  assert.deepEqual(
    [progress, position],
    [
      { records: 7, of: 7 },
      { epoch: 'e1', number: 7 },
    ],
  );
  assert.equal(typeof seconds, 'number');
  const damaged = async () => {
    throw new HistoryDamaged('segment 2 is cut');
  };
  const answer = await ask(damaged)
    .send({})
    .parse(text as never);
  assert.deepEqual(linesOf(answer.body), [{ problem: 'damaged: segment 2 is cut' }]);
});

test('a view that is not there, and what a page of another origin could send, are refused', async () => {
  const rebuild = async () => cursor;
  const none = await request(appWith(rebuild)).post('/views/toString/rebuild').send({});
  assert.deepEqual(
    [none.status, none.body.detail],
    [404, 'There is no view "toString" here; the views are orders.'],
  );
  const plain = await ask(rebuild).type('text/plain').send('{}');
  assert.equal(plain.status, 400);
});

test('a view is rebuilt once at a time, until whoever asked leaves', async () => {
  const begun = Promise.withResolvers<AbortSignal>();
  const ended = Promise.withResolvers<void>();
  const app = appWith(async ({ signal }) => {
    begun.resolve(signal);
    await once(signal, 'abort');
    ended.resolve();
    throw signal.reason;
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/views/orders/rebuild`;
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
  const leaving = new AbortController();
  const first = fetch(url, { ...init, signal: leaving.signal }).then((answer) => answer.text());
  first.catch(() => {});
  await begun.promise;
  const second = await fetch(url, init);
  assert.deepEqual(
    [second.status, ((await second.json()) as { detail: string }).detail],
    [422, 'This view is being rebuilt already.'],
  );
  leaving.abort();
  await ended.promise;
  await assert.rejects(first);
  server.close();
  server.closeAllConnections();
});
