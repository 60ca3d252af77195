import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toSessionEnded } from '@portico/contracts/events/session-ended.ts';
import supertest from 'supertest';
import { createHttpApp } from './http-app.ts';
import { silentLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { takeSessionEnds } from './session-ends.ts';

const end = toSessionEnded('e1', 'c1', 'provider', 0);

function createApp() {
  const dropped: string[] = [];
  const app = createHttpApp(
    { log: silentLogger, metrics: createMetrics('test'), timeoutMs: 5_000 },
    (mounted) => {
      mounted.use(takeSessionEnds((subject) => dropped.push(subject)));
    },
  );
  const post = (body: unknown, type = 'application/cloudevents-batch+json') =>
    supertest(app).post('/session-ends').type(type).send(JSON.stringify(body));
  return { dropped, post };
}

test('all users of a batch are dropped, and what a later version says besides is no mistake', async () => {
  const { dropped, post } = createApp();
  await post([
    end,
    { ...end, id: 'e2', subject: 'c2', traceparent: 'x', data: { reason: 'logout', by: 1 } },
  ]).expect(204);
  await post([]).expect(204);
  assert.deepEqual(dropped, ['c1', 'c2']);
});

test('what is no batch of ends is refused as a whole, with what is wrong', async () => {
  const { dropped, post } = createApp();
  for (const [body, said] of [
    [end, /the body must be array/],
    [[end, { ...end, subject: '' }], /\/1\/subject /],
    [[end, { ...end, type: 'dev.portico.catalog.product-changed' }], /\/1\/type /],
    [[{ ...end, data: { reason: 'bored' } }], /\/0\/data\/reason /],
    [Array(1_001).fill(end), /1000 items/],
  ] as const) {
    const { status, body: problem } = await post(body);
    assert.equal(status, 400);
    assert.match(problem.detail, said);
  }
  await post([end], 'application/json').expect(415);
  await post('x'.repeat(1_100_000)).expect(413);
  assert.deepEqual(dropped, []);
});
