import assert from 'node:assert/strict';
import { test } from 'node:test';
import supertest from 'supertest';
import { createAdminApp } from './admin.ts';
import type { HealthChecks } from './health.ts';
import { createMetrics } from './metrics.ts';

function admin(checks: HealthChecks, stopping = false) {
  return supertest(createAdminApp({ metrics: createMetrics('test'), checks, stopping: () => stopping }));
}

test('a process is ready when all its checks pass', async () => {
  await admin({ database: async () => 1 })
    .get('/readyz')
    .expect(200, { ready: true, notReady: [] });
});

test('what is not ready is named, whether it fails or hangs', async () => {
  const checks: HealthChecks = {
    database: () => Promise.reject(new Error('secret host')),
    redis: () => new Promise(() => {}),
    fine: async () => 1,
  };
  const answer = await admin(checks).get('/readyz').expect(503);
  assert.deepEqual(answer.body, { ready: false, notReady: ['database', 'redis'] });
});

test('a process whose parts do different things tells which', async () => {
  const options = { metrics: createMetrics('test'), checks: {}, stopping: () => false };
  await supertest(createAdminApp({ ...options, states: () => ({ catalog: 'standby' }) }))
    .get('/readyz')
    .expect(200, { ready: true, notReady: [], states: { catalog: 'standby' } });
});

test('a stopping process is alive and not ready', async () => {
  await admin({}, true)
    .get('/readyz')
    .expect(503, { ready: false, notReady: ['stopping'] });
  await admin({}, true).get('/livez').expect(200, { live: true });
});

test('metrics are in the format of Prometheus, and nothing else is there', async () => {
  const answer = await admin({}).get('/metrics').expect(200);
  assert.match(answer.text, /^# HELP process_cpu_user_seconds_total/m);
  assert.match(answer.headers['content-type'] ?? '', /^text\/plain/);
  await admin({}).get('/faults').expect(404);
});
