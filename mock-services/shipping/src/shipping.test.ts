import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import { createDatabase, type Database, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { assertProblem, describeFrontDoor } from '@portico/testing/service-suite.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import type { Express } from 'express';
import { sql } from 'kysely';
import supertest, { type Response } from 'supertest';
import { createShipping } from './create-shipping.ts';
import { migrations, type ShippingTables } from './database.ts';
import { shipDue } from './shipments.ts';
import { letShipmentsLeave } from './warehouse.ts';

const start = Date.UTC(2026, 0, 2, 9);
const leavesAt = '2026-01-02T09:01:00.000Z';
const due = new Date(leavesAt);

let postgres: TestPostgres;
let db: Database<ShippingTables>;
let issuer: TokenIssuer;
let app: Express;
let server: Server;

before(async () => {
  postgres = await startPostgres({ databases: ['shipping'] });
  db = createDatabase<ShippingTables>(String(postgres.databases.shipping), silentLogger);
  await migrateToLatest(db, migrations);
  issuer = await startTokenIssuer();
  const metrics = createMetrics('shipping');
  const parts = { db, verifyToken: issuer.verify, log: silentLogger, metrics, validateAnswers: true };
  app = createShipping({ ...parts, now: () => start }, 60_000);
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(async () => {
  server?.close();
  await issuer?.close();
  await db?.destroy();
  await postgres?.stop();
});
beforeEach(async () => {
  await sql`truncate shipments, saga_steps`.execute(db);
  const nothing = { customer_id: null, lines: null, leaves_at: null };
  await db
    .insertInto('shipments')
    .values({ order_number: 'o900', status: 'cancelled', ...nothing })
    .execute();
});

const shipment = (orderNumber: string, lines: readonly object[] = [{ productId: 'p1', quantity: 2 }]) => ({
  orderNumber,
  customerId: 'c7',
  lines,
});

describeFrontDoor({
  document: loadOpenApi('shipping'),
  app: () => app,
  issuer: () => issuer,
  samples: {
    schedule: {
      path: '/shipments',
      headers: { 'Idempotency-Key': 'o901-place:schedule:do' },
      body: shipment('o901'),
      as: 'service',
    },
    getShipment: { path: '/shipments/o900', as: 'root' },
    cancelShipment: {
      path: '/shipments/o902/cancel',
      headers: { 'Idempotency-Key': 'o902-place:schedule:undo' },
      as: 'service',
    },
  },
});

let sagas = 0;
/** A key that no other step has. */
function newKey(step: string): string {
  sagas += 1;
  return `s${sagas}:${step}`;
}

/** Sends a step as a saga does: again and with the same key, while the database has no connection left. */
async function send(path: string, key: string, body?: object): Promise<Response> {
  for (;;) {
    const request = supertest(server).post(path).set(issuer.service).set('Idempotency-Key', key);
    const answer = await (body === undefined ? request : request.send(body));
    if (answer.status !== 503) return answer;
  }
}
const schedule = (body: object, key = newKey('schedule:do')) => send('/shipments', key, body);
const cancel = (order: string, key = newKey('schedule:undo')) => send(`/shipments/${order}/cancel`, key);
const find = (order: string) => supertest(server).get(`/shipments/${order}`).set(issuer.service);

describe('A shipment', () => {
  it('is scheduled, and leaves when it is due and not before', async () => {
    const scheduled = { orderNumber: 'o1', status: 'scheduled', leavesAt };
    assert.deepEqual((await schedule(shipment('o1'))).body, scheduled);
    assert.deepEqual(await shipDue(db, new Date(due.getTime() - 1)), []);
    assert.deepEqual((await find('o1')).body, scheduled);
    assert.deepEqual(await shipDue(db, due), ['o1']);
    assert.deepEqual((await find('o1')).body, { ...scheduled, status: 'shipped' });
    assert.deepEqual(await shipDue(db, due), []);
  });

  it('that is cancelled does not leave', async () => {
    await schedule(shipment('o1'));
    assert.equal((await cancel('o1')).body.status, 'cancelled');
    assert.deepEqual(await shipDue(db, due), []);
    assert.equal((await find('o1')).body.status, 'cancelled');
  });

  it('that has left stays so: cancelling comes too late', async () => {
    await schedule(shipment('o1'));
    await shipDue(db, due);
    assert.deepEqual((await cancel('o1')).body, { orderNumber: 'o1', status: 'shipped', leavesAt });
  });

  it('that was cancelled before it came is not scheduled', async () => {
    assert.deepEqual((await cancel('o1')).body, { orderNumber: 'o1', status: 'cancelled' });
    assert.deepEqual((await schedule(shipment('o1'))).body, { orderNumber: 'o1', status: 'cancelled' });
    assert.deepEqual(await shipDue(db, due), []);
  });

  it('is one for each order, whichever step asks', async () => {
    await schedule(shipment('o1'));
    assert.equal(
      (await schedule(shipment('o1', [{ productId: 'p9', quantity: 1 }]))).body.status,
      'scheduled',
    );
    const rows = await db.selectFrom('shipments').select('lines').where('order_number', '=', 'o1').execute();
    assert.deepEqual(rows, [{ lines: shipment('o1').lines }]);
  });

  it('is a 404 where there is none', async () => {
    assertProblem(await find('o1'), 404, 'o1');
  });
});

describe('A step', () => {
  it('that is sent many times at once is taken once, and answered alike', async () => {
    const key = newKey('schedule:do');
    const answers = await Promise.all(Array.from({ length: 20 }, () => schedule(shipment('o1'), key)));
    const told = answers.map(({ status, text, headers }) => `${status} ${text} ${headers['commit-id']}`);
    assert.equal(new Set(told).size, 1, told.join('\n'));
    await shipDue(db, due);
    assert.equal((await schedule(shipment('o1'), key)).text, answers[0]?.text);
  });

  it('can not have the key of another one', async () => {
    const key = newKey('schedule:do');
    await schedule(shipment('o1'), key);
    assertProblem(await schedule(shipment('o2'), key), 422, 'Idempotency-Key');
    assertProblem(await cancel('o1', key), 422, 'Idempotency-Key');
    assert.equal((await find('o1')).body.status, 'scheduled');
  });
});

describe('The warehouse', () => {
  const orders = Array.from({ length: 250 }, (_, index) => `o${index + 1}`);
  const scheduleAll = () =>
    db
      .insertInto('shipments')
      .values(
        orders.map((order_number) => ({
          order_number,
          status: 'scheduled' as const,
          leaves_at: due,
          customer_id: 'c7',
          lines: '[]',
        })),
      )
      .execute();
  const count = async (status: 'shipped' | 'scheduled') => {
    const rows = db.selectFrom('shipments').select('order_number').where('status', '=', status);
    return (await rows.execute()).length;
  };

  it('of two instances lets each shipment leave once', async () => {
    await scheduleAll();
    const ofAnother = createDatabase<ShippingTables>(String(postgres.databases.shipping), silentLogger);
    try {
      const left: string[] = [];
      while ((await count('scheduled')) > 0)
        left.push(...(await Promise.all([shipDue(db, due), shipDue(ofAnother, due)])).flat());
      assert.deepEqual(left.sort(), orders.toSorted());
    } finally {
      await ofAnother.destroy();
    }
  });

  it('goes past a shipment that somebody is at', async () => {
    await schedule(shipment('o1'));
    await schedule(shipment('o2'));
    await db.transaction().execute(async (trx) => {
      await trx.selectFrom('shipments').selectAll().where('order_number', '=', 'o1').forUpdate().execute();
      assert.deepEqual(await shipDue(db, due), ['o2']);
    });
    assert.deepEqual(await shipDue(db, due), ['o1']);
  });

  it('and whoever cancels agree on what has left', async () => {
    await scheduleAll();
    const some = orders.slice(0, 30);
    const shipping = Promise.all([shipDue(db, due), shipDue(db, due), shipDue(db, due)]);
    const answers = await Promise.all(some.map((order) => cancel(order)));
    await shipping;
    for (const { body } of answers) assert.equal((await find(body.orderNumber)).body.status, body.status);
    assert.equal(await count('scheduled'), 0);
  });

  it('looks by itself, and says once that the database is away', async () => {
    const broken = createDatabase<ShippingTables>('postgres://nobody@127.0.0.1:1/none', silentLogger);
    let told = '';
    const { promise: isDown, resolve } = Promise.withResolvers<void>();
    const warn = (_: object, message: string) => {
      told = message;
      resolve();
    };
    const away = letShipmentsLeave({ db: broken, log: { ...silentLogger, warn } as typeof silentLogger });
    await isDown;
    await away.close();
    await broken.destroy();
    assert.equal(told, 'no shipment can leave');

    await schedule(shipment('o1'));
    const work = letShipmentsLeave({ db, log: silentLogger, now: () => due.getTime() });
    while ((await find('o1')).body.status !== 'shipped');
    await work.close();
  });
});

describe('What is no shipment', () => {
  it('is refused', async () => {
    for (const quantity of [0, -1, 1.5, 1e9, '2', null])
      assertProblem(await schedule(shipment('o1', [{ productId: 'p1', quantity }])), 400, 'quantity');
    const many = Array.from({ length: 101 }, (_, index) => ({ productId: `p${index + 1}`, quantity: 1 }));
    for (const lines of [[], many]) assertProblem(await schedule(shipment('o1', lines)), 400, 'lines');
    const twins = [1, 2].map((quantity) => ({ productId: 'p1', quantity }));
    assertProblem(await schedule(shipment('o1', twins)), 400, '"p1"');
    for (const key of ['o1', 'o1-place:schedule', 'o1-place:schedule:redo', 'O1:schedule:do'])
      assertProblem(await schedule(shipment('o1'), key), 400, 'Idempotency-Key');
    assertProblem(await find('o1'), 404);
  });

  it('comes from anybody but a service', async () => {
    const ask = (headers: object) =>
      supertest(server)
        .post('/shipments')
        .set({ ...headers, 'Idempotency-Key': newKey('schedule:do') });
    assertProblem(await ask({}).send(shipment('o1')), 401);
    for (const who of [issuer.ada, issuer.root])
      assertProblem(await ask(who).send(shipment('o1')), 403, 'service');
  });
});
