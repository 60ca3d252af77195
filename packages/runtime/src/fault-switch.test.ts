import assert from 'node:assert/strict';
import { test } from 'node:test';
import type express from 'express';
import supertest from 'supertest';
import { createAdminApp } from './admin.ts';
import { createFaultSwitch } from './fault-switch.ts';
import { createHttpApp } from './http-app.ts';
import { silentLogger } from './log.ts';
import { createMetrics } from './metrics.ts';

function service(random = () => 0.5) {
  const faults = createFaultSwitch(random);
  const metrics = createMetrics('test');
  const app = createHttpApp({ log: silentLogger, metrics, timeoutMs: 5_000 }, (mounted: express.Express) => {
    mounted.use(faults.middleware);
    mounted.get('/', (_req, res) => {
      res.json({ fine: true });
    });
  });
  const admin = createAdminApp({ metrics, checks: {}, stopping: () => false, extra: faults.adminRouter });
  return { service: supertest(app), admin: supertest(admin) };
}

test('a service without faults answers', async () => {
  await service().service.get('/').expect(200, { fine: true });
});

test('errorRate makes that share of requests fail, until the switch is taken back', async () => {
  const { service: failing, admin } = service(() => 0.29);
  await admin.put('/faults').send({ errorRate: 0.3 }).expect(200);
  await failing.get('/').expect(503);
  await admin.put('/faults').send({ errorRate: 0.29 }).expect(200);
  await failing.get('/').expect(200);
  await admin.put('/faults').send({ errorRate: 1 }).expect(200);
  await admin.delete('/faults').expect(200, { latencyMs: 0, errorRate: 0, hang: false, reset: false });
  await failing.get('/').expect(200);
});

test('latencyMs makes requests late, and no longer than their time', async () => {
  const { service: late, admin } = service();
  await admin.put('/faults').send({ latencyMs: 600_000 }).expect(200);
  await late.get('/').set('Portico-Timeout-Ms', '20').expect(504);
});

test('reset drops the connection, hang never answers', async () => {
  const { service: broken, admin } = service();
  await admin.put('/faults').send({ reset: true });
  await assert.rejects(async () => broken.get('/'), /ECONNRESET|hang up/);
  await admin.put('/faults').send({ hang: true });
  await assert.rejects(async () => broken.get('/').timeout(100), /Timeout/);
});

test('a setting that means nothing is refused', async () => {
  const { admin } = service();
  for (const wrong of [{ errorRate: 2 }, { latencyMs: -1 }, { hang: 'yes' }, { slow: true }]) {
    const answer = await admin.put('/faults').send(wrong).expect(400);
    assert.match(answer.body.detail, /latencyMs .* errorRate .* hang and reset/);
  }
});
