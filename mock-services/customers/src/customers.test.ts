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
