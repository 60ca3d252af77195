import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import { createDatabase, type Database, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { assertProblem, describeFrontDoor } from '@portico/testing/service-suite.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import type { Express } from 'express';
import supertest from 'supertest';
import { createCustomers } from './create-customers.ts';
import { type CustomersTables, migrations } from './database.ts';
import { seedCustomers } from './seed.ts';

let postgres: TestPostgres;
let db: Database<CustomersTables>;
let issuer: TokenIssuer;
let app: Express;

before(async () => {
  postgres = await startPostgres({ databases: ['customers'] });
  db = createDatabase<CustomersTables>(String(postgres.databases.customers), silentLogger);
  await migrateToLatest(db, migrations);
  await seedCustomers(db);
  issuer = await startTokenIssuer();
  app = createCustomers({
    db,
    verifyToken: issuer.verify,
    log: silentLogger,
    metrics: createMetrics('customers'),
    validateAnswers: true,
  });
});
after(async () => {
  await issuer?.close();
  await db?.destroy();
  await postgres?.stop();
});

describeFrontDoor({
  document: loadOpenApi('customers'),
  app: () => app,
  issuer: () => issuer,
  samples: {
    listCustomers: { path: '/customers?ids=c1' },
    getCustomer: { path: '/customers/c1' },
    renameCustomer: { path: '/customers/c1', body: { displayName: 'Ada L.' }, as: 'ada' },
    forgetCustomer: { path: '/customers/c190', as: 'root' },
    listForgotten: { path: '/forgotten-customers?limit=1' },
  },
});

describe('The customers', () => {
  it('are two hundred with names of their own, Ada and Grace first', async () => {
    const customers = await db.selectFrom('customers').selectAll().execute();
    assert.equal(new Set(customers.map(({ display_name }) => display_name)).size, 200);
    const { body } = await supertest(app).get('/customers?ids=c2,c1,c200,c201');
    assert.deepEqual(body.items.slice(0, 2), [
      { id: 'c2', displayName: 'Grace H.' },
      { id: 'c1', displayName: 'Ada L.' },
    ]);
    assert.deepEqual(body.items[2].id, 'c200');
    assert.equal(body.items.length, 3);
  });

  it('are a 404 where there is none', async () => {
    assertProblem(await supertest(app).get('/customers/c201'), 404, 'c201');
    assertProblem(
      await supertest(app).patch('/customers/c201').set(issuer.root).send({ displayName: 'Nobody' }),
      404,
      'c201',
    );
  });
});

describe('Forgetting a customer', () => {
  const forget = (id: string, as: { readonly authorization: string }) =>
    supertest(app).delete(`/customers/${id}`).set(as);

  it('leaves nothing of them but that there was one, and can be repeated', async () => {
    const { status, body, headers } = await forget('c191', issuer.root);
    assert.equal(status, 200);
    assert.match(String(headers['commit-id']), /^customers:\d+$/);
    assert.deepEqual((await forget('c191', issuer.root)).body, body);
    assertProblem(await supertest(app).get('/customers/c191'), 404, 'c191');
    assert.deepEqual((await supertest(app).get('/customers?ids=c191')).body, { items: [] });
    const rename = supertest(app).patch('/customers/c191').set(issuer.root).send({ displayName: 'Back' });
    assertProblem(await rename, 404, 'c191');
    const row = await db.selectFrom('customers').selectAll().where('id', '=', 'c191').executeTakeFirst();
    assert.deepEqual(row, { id: 'c191', display_name: '', forgotten_at: new Date(body.forgottenAt) });
  });

  it('is for that customer and for operators', async () => {
    const self = await issuer.mint({ sub: 'c192', roles: ['customer'] });
    assertProblem(await forget('c192', issuer.grace), 403, 'this customer');
    assert.equal((await supertest(app).get('/customers/c192')).status, 200);
    assert.equal((await forget('c192', { authorization: `Bearer ${self}` })).status, 200);
    assertProblem(await forget('c201', issuer.root), 404, 'c201');
  });

  it('is told, page by page, to whoever asks who was forgotten', async () => {
    for (const id of ['c193', 'c194']) await forget(id, issuer.root);
    const ids: string[] = [];
    for (let after = ''; after !== null; ) {
      const { body } = await supertest(app).get(`/forgotten-customers?limit=1${after && `&after=${after}`}`);
      assert.ok(body.items.length <= 1);
      ids.push(...body.items.map(({ id }: { id: string }) => id));
      after = body.next;
    }
    assert.deepEqual(ids.slice(-2), ['c193', 'c194']);
    assert.deepEqual(ids, [...ids].sort());
  });
});

describe('Renaming a customer', () => {
  it('takes names from everywhere, and shows at once', async () => {
    for (const displayName of [
      'Žofie Čapková',
      '山田 太郎',
      '👩🏽‍🚀',
      "O'Brien; drop table customers",
      'x'.repeat(80),
    ]) {
      const { status, body } = await supertest(app)
        .patch('/customers/c5')
        .set(issuer.root)
        .send({ displayName });
      assert.equal(status, 200);
      assert.deepEqual(body, { id: 'c5', displayName });
      assert.deepEqual((await supertest(app).get('/customers/c5')).body, body);
    }
    assert.equal((await supertest(app).get('/customers/c2')).body.displayName, 'Grace H.');
  });

  it('is for that customer and for operators', async () => {
    const rename = (as: { readonly authorization: string }) =>
      supertest(app).patch('/customers/c1').set(as).send({ displayName: 'Ada the First' });
    assertProblem(await rename(issuer.grace), 403, 'this customer');
    assert.equal((await supertest(app).get('/customers/c1')).body.displayName, 'Ada L.');
    assert.equal((await rename(issuer.ada)).status, 200);
    assert.equal((await rename(issuer.root)).status, 200);
  });

  it('refuses what is no name', async () => {
    for (const displayName of [' Ada', 'Ada ', 'Ada\nL.', '\u2028', '\u0007', ' ', 'x'.repeat(81)]) {
      const response = await supertest(app).patch('/customers/c5').set(issuer.root).send({ displayName });
      assertProblem(response, 400, 'displayName');
    }
  });
});
