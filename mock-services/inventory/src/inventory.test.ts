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
import { createInventory } from './create-inventory.ts';
import { type InventoryTables, migrations } from './database.ts';
import { seedInventory } from './seed.ts';

let postgres: TestPostgres;
let db: Database<InventoryTables>;
let issuer: TokenIssuer;
let app: Express;

before(async () => {
  postgres = await startPostgres({ databases: ['inventory'] });
  db = createDatabase<InventoryTables>(String(postgres.databases.inventory), silentLogger);
  await migrateToLatest(db, migrations);
  await seedInventory(db, 1_000);
  await db
    .insertInto('reservations')
    .values({ order_number: 'o2', status: 'committed', lines: '[]' })
    .execute();
  issuer = await startTokenIssuer();
  app = createInventory({
    db,
    verifyToken: issuer.verify,
    log: silentLogger,
    metrics: createMetrics('inventory'),
    validateAnswers: true,
  });
});
after(async () => {
  await issuer?.close();
  await db?.destroy();
  await postgres?.stop();
});

describeFrontDoor({
  document: loadOpenApi('inventory'),
  app: () => app,
  issuer: () => issuer,
  samples: {
    listStock: { path: '/stock?ids=p1' },
    getStock: { path: '/stock/p1' },
    setStock: { path: '/stock/p1', body: { quantity: 12 }, as: 'root' },
    reserve: {
      path: '/reservations',
      headers: { 'Idempotency-Key': 'o1-place:reserve:do' },
      body: { orderNumber: 'o1', lines: [{ productId: 'p2000', quantity: 1 }] },
      as: 'service',
    },
    commitReservation: {
      path: '/reservations/o2/commit',
      headers: { 'Idempotency-Key': 'o2-place:commit:do' },
      as: 'service',
    },
    releaseReservation: {
      path: '/reservations/o3/release',
      headers: { 'Idempotency-Key': 'o3-place:reserve:undo' },
      as: 'service',
    },
  },
});

describe('The inventory', () => {
  it('has stock of every product, from 0 to 200 pieces, and some are sold out', async () => {
    const stock = await db.selectFrom('stock').selectAll().execute();
    assert.equal(stock.length, 1_000);
    assert.ok(stock.every(({ quantity, reserved }) => quantity >= 0 && quantity <= 200 && reserved === 0));
    const soldOut = stock.filter(({ quantity }) => quantity === 0).length;
    assert.ok(soldOut > 50 && soldOut < 150, `${soldOut} are sold out`);
  });

  it('gives the stock of many products in the order asked for, without those that it does not know', async () => {
    await db.updateTable('stock').set({ quantity: 3, reserved: 2 }).where('product_id', '=', 'p9').execute();
    const { body } = await supertest(app).get('/stock?ids=p9,p1001,p7');
    assert.deepEqual(body.items, [
      { productId: 'p9', quantity: 3, reserved: 2 },
      { productId: 'p7', quantity: 0, reserved: 0 },
    ]);
  });

  it('says which product it does not know', async () => {
    assertProblem(await supertest(app).get('/stock/p1001'), 404, 'p1001');
    assertProblem(
      await supertest(app).put('/stock/p1001').set(issuer.root).send({ quantity: 1 }),
      404,
      'p1001',
    );
  });
});

describe('The table of stock', () => {
  it('refuses what can not be', async () => {
    for (const wrong of [{ quantity: -1 }, { quantity: 2_000_000_001 }, { reserved: -1 }]) {
      const update = db.updateTable('stock').set(wrong).where('product_id', '=', 'p3');
      await assert.rejects(update.execute(), /check constraint/);
    }
  });
});

describe('Setting stock', () => {
  it('changes what is free to sell, leaves what is reserved, and shows at once', async () => {
    await db.updateTable('stock').set({ reserved: 5 }).where('product_id', '=', 'p4').execute();
    const other = (await supertest(app).get('/stock/p5')).body;
    for (const quantity of [0, 1, 1_000_000_000, 42, 42]) {
      const { status, body } = await supertest(app).put('/stock/p4').set(issuer.root).send({ quantity });
      assert.equal(status, 200);
      assert.deepEqual(body, { productId: 'p4', quantity, reserved: 5 });
      assert.deepEqual((await supertest(app).get('/stock/p4')).body, body);
    }
    assert.deepEqual((await supertest(app).get('/stock/p5')).body, other);
  });

  it('refuses quantities that can not lie in a warehouse', async () => {
    for (const quantity of [-1, 1_000_000_001, 1.5, '7']) {
      assertProblem(
        await supertest(app).put('/stock/p4').set(issuer.root).send({ quantity }),
        400,
        'quantity',
      );
    }
  });
});
