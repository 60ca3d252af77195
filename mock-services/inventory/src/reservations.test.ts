import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { components } from '@portico/contracts/generated/inventory.ts';
import { createDatabase, type Database, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { assertProblem } from '@portico/testing/service-suite.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import supertest, { type Response } from 'supertest';
import { createInventory } from './create-inventory.ts';
import { type InventoryTables, migrations } from './database.ts';

type Line = components['schemas']['Line'];

let postgres: TestPostgres;
let db: Database<InventoryTables>;
let issuer: TokenIssuer;
let server: Server;

before(async () => {
  postgres = await startPostgres({ databases: ['inventory'] });
  db = createDatabase<InventoryTables>(String(postgres.databases.inventory), silentLogger);
  await migrateToLatest(db, migrations);
  issuer = await startTokenIssuer();
  const parts = { db, verifyToken: issuer.verify, log: silentLogger, metrics: createMetrics('inventory') };
  server = createInventory({ ...parts, validateAnswers: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(async () => {
  server?.close();
  await issuer?.close();
  await db?.destroy();
  await postgres?.stop();
});
beforeEach(async () => {
  await db.deleteFrom('stock').execute();
  await db.deleteFrom('reservations').execute();
  const stock = ['p1', 'p2', 'p3'].map((product_id) => ({ product_id, quantity: 10 }));
  await db.insertInto('stock').values(stock).execute();
});

let sagas = 0;
/** A key that no other step has. */
function newKey(step: string, direction: 'do' | 'undo' = 'do'): string {
  sagas += 1;
  return `s${sagas}:${step}:${direction}`;
}

/** Sends a step as a saga does: again and with the same key, while the database has no connection left. */
async function send(path: string, key: string, body?: object): Promise<Response> {
  for (;;) {
    const request = supertest(server).post(path).set(issuer.service).set('Idempotency-Key', key);
    const answer = await (body === undefined ? request : request.send(body));
    if (answer.status !== 503) return answer;
  }
}
const line = (productId: string, quantity: number) => ({ productId, quantity });
const reserve = (orderNumber: string, lines: readonly Line[], key = newKey('reserve')) =>
  send('/reservations', key, { orderNumber, lines });
const commit = (orderNumber: string, key = newKey('commit')) =>
  send(`/reservations/${orderNumber}/commit`, key);
const release = (orderNumber: string, key = newKey('reserve', 'undo')) =>
  send(`/reservations/${orderNumber}/release`, key);

/** `free/reserved` of each product. */
async function stock(): Promise<string> {
  const rows = await db.selectFrom('stock').selectAll().orderBy('product_id').execute();
  return rows.map(({ quantity, reserved }) => `${quantity}/${reserved}`).join(' ');
}

describe('A reservation', () => {
  it('sets all lines aside, is sold, and comes back when it is released', async () => {
    const reserved = await reserve('o1', [line('p2', 3), line('p1', 1)]);
    assert.deepEqual(reserved.body, { orderNumber: 'o1', status: 'reserved' });
    assert.equal(await stock(), '9/1 7/3 10/0');
    assert.deepEqual((await commit('o1')).body, { orderNumber: 'o1', status: 'committed' });
    assert.equal(await stock(), '9/0 7/0 10/0');
    assert.deepEqual((await release('o1')).body, { orderNumber: 'o1', status: 'released' });
    assert.equal(await stock(), '10/0 10/0 10/0');
  });

  it('gives back what is only set aside', async () => {
    await reserve('o1', [line('p1', 10)]);
    assert.equal((await release('o1')).body.status, 'released');
    assert.equal(await stock(), '10/0 10/0 10/0');
  });

  it('is refused with too little of one product, or one that is not known, and sets nothing aside', async () => {
    const refused = { orderNumber: 'o1', status: 'refused', reason: 'out_of_stock' };
    assert.deepEqual((await reserve('o1', [line('p1', 1), line('p2', 11)])).body, refused);
    assert.deepEqual((await release('o1')).body, refused);
    assert.equal((await reserve('o2', [line('p1', 1), line('p9', 1)])).body.status, 'refused');
    assert.equal(await stock(), '10/0 10/0 10/0');
  });

  it('that was released before it came sets nothing aside', async () => {
    assert.deepEqual((await release('o1')).body, { orderNumber: 'o1', status: 'released' });
    assert.deepEqual((await reserve('o1', [line('p1', 1)])).body, { orderNumber: 'o1', status: 'released' });
    assert.equal(await stock(), '10/0 10/0 10/0');
  });

  it('is one for each order, whichever step asks', async () => {
    await reserve('o1', [line('p1', 1)]);
    assert.equal((await reserve('o1', [line('p2', 5)])).body.status, 'reserved');
    await commit('o1');
    assert.equal((await commit('o1')).body.status, 'committed');
    await release('o1');
    assert.equal((await release('o1')).body.status, 'released');
    assert.equal(await stock(), '10/0 10/0 10/0');
  });

  it('that holds nothing can not be sold', async () => {
    assertProblem(await commit('o1'), 422, 'not there');
    await reserve('o1', [line('p1', 11)]);
    assertProblem(await commit('o1'), 422, 'refused');
    await release('o2');
    assertProblem(await commit('o2'), 422, 'released');
    assert.equal(await stock(), '10/0 10/0 10/0');
  });

  it('comes back also where an operator has set as much as can be', async () => {
    await reserve('o1', [line('p1', 10)]);
    await supertest(server).put('/stock/p1').set(issuer.root).send({ quantity: 1_000_000_000 }).expect(200);
    assert.equal((await release('o1')).body.status, 'released');
    assert.equal((await supertest(server).get('/stock/p1').expect(200)).body.quantity, 1_000_000_010);
  });
});

describe('A step', () => {
  it('that is repeated is answered as it was first, whatever has happened since, and does nothing', async () => {
    const key = newKey('reserve');
    const first = await reserve('o1', [line('p1', 4)], key);
    await release('o1');
    const again = await reserve('o1', [line('p1', 4)], key);
    assert.equal(again.text, first.text);
    assert.equal(again.get('Commit-Id'), first.get('Commit-Id'));
    assert.equal(await stock(), '10/0 10/0 10/0');
  });

  it('that is sent many times at once is taken once', async () => {
    const key = newKey('reserve');
    const answers = await Promise.all(Array.from({ length: 20 }, () => reserve('o1', [line('p1', 4)], key)));
    const told = answers.map(({ status, text, headers }) => `${status} ${text} ${headers['commit-id']}`);
    assert.equal(new Set(told).size, 1, told.join('\n'));
    assert.equal(await stock(), '6/4 10/0 10/0');
  });

  it('can not have the key of another one', async () => {
    const key = newKey('reserve');
    await reserve('o1', [line('p1', 4)], key);
    assertProblem(await reserve('o1', [line('p1', 5)], key), 422, 'Idempotency-Key');
    assertProblem(await reserve('o2', [line('p1', 4)], key), 422, 'Idempotency-Key');
    assertProblem(await release('o1', key), 422, 'Idempotency-Key');
    assert.equal(await stock(), '6/4 10/0 10/0');
  });
});

describe('Many reservations at once', () => {
  const orders = Array.from({ length: 40 }, (_, index) => `o${index + 1}`);

  it('of a scarce product sell as many as there are', async () => {
    const answers = await Promise.all(orders.map((order) => reserve(order, [line('p1', 3)])));
    const statuses = answers.map(({ body }) => body.status);
    assert.equal(statuses.filter((status) => status === 'reserved').length, 3);
    assert.equal(statuses.filter((status) => status === 'refused').length, 37);
    assert.equal(await stock(), '1/9 10/0 10/0');
  });

  it('do not wait for each other in a circle, whatever the order of their lines', async () => {
    const lines = [line('p1', 1), line('p2', 1), line('p3', 1)];
    const answers = await Promise.all(
      orders.map((order, index) => reserve(order, index % 2 === 0 ? lines : lines.toReversed())),
    );
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(await stock(), '0/10 0/10 0/10');
  });

  it('and their releases leave what there was, whichever comes first', async () => {
    const answers = await Promise.all(
      orders.flatMap((order, index) => {
        const both = [() => reserve(order, [line('p1', 1), line('p2', 1)]), () => release(order)];
        return (index % 2 === 0 ? both : both.toReversed()).map((step) => step());
      }),
    );
    assert.ok(answers.every(({ status }) => status === 200));
    // A release that came while its reservation was refused leaves it so; nothing is held either way.
    assert.equal(await stock(), '10/0 10/0 10/0');
  });

  it('commits and releases neither lose nor make a piece', async () => {
    let sold = 0;
    await Promise.all(
      orders.map(async (order, index) => {
        const { body } = await reserve(order, [line('p1', 1)]);
        if (body.status !== 'reserved') return;
        if (index % 3 === 0) await release(order);
        else if ((await commit(order)).body.status === 'committed') sold += 1;
      }),
    );
    const rows = await db.selectFrom('stock').selectAll().where('product_id', '=', 'p1').execute();
    assert.deepEqual(rows, [{ product_id: 'p1', quantity: 10 - sold, reserved: 0 }]);
  });
});

describe('What is no reservation', () => {
  it('is refused, and sets nothing aside', async () => {
    for (const quantity of [0, -1, 1.5, 1e9, '2', null, undefined]) {
      assertProblem(
        await reserve('o1', [{ productId: 'p1', quantity: quantity as number }]),
        400,
        'quantity',
      );
    }
    const many = Array.from({ length: 101 }, (_, index) => line(`p${index + 1}`, 1));
    for (const lines of [[], many]) assertProblem(await reserve('o1', lines), 400, 'lines');
    assertProblem(await reserve('o1', [line('p1', 1), line('p2', 1), line('p1', 2)]), 400, '"p1"');
    for (const productId of ['1', 'p0', 'p1 ', ''])
      assertProblem(await reserve('o1', [line(productId, 1)]), 400, 'productId');
    assert.equal(await stock(), '10/0 10/0 10/0');
    assert.deepEqual(await db.selectFrom('reservations').selectAll().execute(), []);
  });

  it('has a key of another form', async () => {
    for (const key of ['o1', 'o1-place:reserve', 'o1-place:reserve:redo', 'O1:reserve:do', 'a:b:do:do']) {
      assertProblem(await reserve('o1', [line('p1', 1)], key), 400, 'Idempotency-Key');
    }
  });

  it('comes from anybody but a service', async () => {
    const ask = (headers: object) =>
      supertest(server)
        .post('/reservations')
        .set({ ...headers, 'Idempotency-Key': newKey('reserve') });
    const body = { orderNumber: 'o1', lines: [line('p1', 1)] };
    assertProblem(await ask({}).send(body), 401);
    for (const who of [issuer.ada, issuer.root]) assertProblem(await ask(who).send(body), 403, 'service');
  });
});
