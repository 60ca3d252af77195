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
import { createPayments } from './create-payments.ts';
import { migrations, type PaymentsTables } from './database.ts';

let postgres: TestPostgres;
let db: Database<PaymentsTables>;
let issuer: TokenIssuer;
let app: Express;
let server: Server;
/** What the provider was waited for, and what lets it answer. */
let waits: { readonly ms: number; readonly signal: AbortSignal; readonly answer: () => void }[];

before(async () => {
  postgres = await startPostgres({ databases: ['payments'] });
  db = createDatabase<PaymentsTables>(String(postgres.databases.payments), silentLogger);
  await migrateToLatest(db, migrations);
  issuer = await startTokenIssuer();
  const parts = { db, verifyToken: issuer.verify, log: silentLogger, metrics: createMetrics('payments') };
  const wait = (ms: number, signal: AbortSignal) =>
    new Promise<void>((answer, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      waits.push({ ms, signal, answer });
    });
  app = createPayments({ ...parts, validateAnswers: true }, wait);
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
  waits = [];
  await sql`truncate payments, ledger_entries, saga_steps`.execute(db);
  const paid = { customer_id: 'c1', amount: 0, currency: 'EUR' };
  await db
    .insertInto('payments')
    .values({ order_number: 'o900', status: 'authorised', ...paid })
    .execute();
});

const stepOf = (step: string) =>
  ({ headers: { 'Idempotency-Key': `o900-place:${step}` }, as: 'service' }) as const;
const payment = (orderNumber: string, paymentToken = 'tok_ok', amount = 500) => ({
  orderNumber,
  customerId: 'c7',
  amount: { amount, currency: 'EUR' },
  paymentToken,
});

describeFrontDoor({
  document: loadOpenApi('payments'),
  app: () => app,
  issuer: () => issuer,
  samples: {
    authorise: { path: '/payments', body: payment('o901'), ...stepOf('authorise:do') },
    getPayment: { path: '/payments/o900', as: 'root' },
    capture: { path: '/payments/o900/capture', ...stepOf('capture:do') },
    refund: { path: '/payments/o902/refund', ...stepOf('authorise:undo') },
    getLedger: { path: '/ledger', as: 'root' },
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
    if (answer.status !== 503 || answer.body.detail.includes('provider')) return answer;
  }
}
const authorise = (body: object, key = newKey('authorise:do')) => send('/payments', key, body);
const capture = (order: string, key = newKey('capture:do')) => send(`/payments/${order}/capture`, key);
const refund = (order: string, key = newKey('authorise:undo')) => send(`/payments/${order}/refund`, key);

/** The balances that are not zero. */
async function balances(): Promise<Record<string, number>> {
  const { body } = await supertest(server).get('/ledger').set(issuer.root).expect(200);
  assert.equal(body.total, 0);
  const accounts = body.accounts as { account: string; balance: number }[];
  const moved = accounts.filter(({ balance }) => balance !== 0);
  return Object.fromEntries(moved.map(({ account, balance }) => [account, balance]));
}

describe('A payment', () => {
  const amount = { amount: 500, currency: 'EUR' };

  it('is held, taken and paid back', async () => {
    const authorised = await authorise(payment('o1'));
    assert.deepEqual(authorised.body, { orderNumber: 'o1', status: 'authorised', amount });
    assert.deepEqual(await balances(), { 'customer:c7': -500, held: 500 });
    assert.deepEqual((await capture('o1')).body, { orderNumber: 'o1', status: 'captured', amount });
    assert.deepEqual(await balances(), { 'customer:c7': -500, revenue: 500 });
    assert.deepEqual((await refund('o1')).body, { orderNumber: 'o1', status: 'refunded', amount });
    assert.deepEqual(await balances(), {});
    const found = await supertest(server).get('/payments/o1').set(issuer.service).expect(200);
    assert.deepEqual(found.body, { orderNumber: 'o1', status: 'refunded', amount });
  });

  it('that is only held is let go', async () => {
    await authorise(payment('o1'));
    assert.equal((await refund('o1')).body.status, 'voided');
    assert.deepEqual(await balances(), {});
  });

  it('is declined with any token that does not pay, and nothing is held', async () => {
    for (const [index, token] of ['tok_declined', 'tok_of_another_kind', '4111111111111111'].entries()) {
      const order = `o${index + 1}`;
      const declined = { orderNumber: order, status: 'declined', reason: 'payment_declined', amount };
      assert.deepEqual((await authorise(payment(order, token))).body, declined);
      assert.deepEqual((await refund(order)).body, declined);
    }
    assert.deepEqual(await balances(), {});
  });

  it('that was refunded before it came holds nothing', async () => {
    assert.deepEqual((await refund('o1')).body, { orderNumber: 'o1', status: 'voided' });
    assert.deepEqual((await authorise(payment('o1'))).body, { orderNumber: 'o1', status: 'voided' });
    assert.deepEqual(await balances(), {});
  });

  it('is one for each order, whichever step asks', async () => {
    await authorise(payment('o1'));
    assert.deepEqual((await authorise(payment('o1', 'tok_declined', 9))).body.amount, amount);
    for (const step of [capture, capture, refund, refund]) await step('o1');
    assert.deepEqual(await balances(), {});
    await authorise(payment('o2', 'tok_ok', 40));
    assert.deepEqual(await balances(), { 'customer:c7': -40, held: 40 });
  });

  it('that holds nothing can not be taken', async () => {
    assertProblem(await capture('o1'), 422, 'not there');
    await authorise(payment('o1', 'tok_declined'));
    assertProblem(await capture('o1'), 422, 'declined');
    await authorise(payment('o2'));
    await capture('o2');
    await refund('o2');
    assertProblem(await capture('o2'), 422, 'refunded');
    assert.deepEqual(await balances(), {});
  });

  it('is a 404 where there is none', async () => {
    assertProblem(await supertest(server).get('/payments/o1').set(issuer.service), 404, 'o1');
  });
});

describe('The payment provider', () => {
  it('takes its time, and no transaction is open meanwhile', async () => {
    const answered = authorise(payment('o1', 'tok_slow'));
    while (waits.length === 0) await new Promise(setImmediate);
    assert.equal(waits[0]?.ms, 3_000);
    const { rows } = await sql`
      select query from pg_stat_activity where pid <> pg_backend_pid() and xact_start is not null
      and backend_type = 'client backend'`.execute(db);
    assert.deepEqual(rows, []);
    waits[0]?.answer();
    assert.equal((await answered).body.status, 'authorised');
  });

  it('is not asked again by a step that was taken', async () => {
    const key = newKey('authorise:do');
    const answered = authorise(payment('o1', 'tok_slow'), key);
    while (waits.length === 0) await new Promise(setImmediate);
    waits[0]?.answer();
    const first = await answered;
    assert.equal((await authorise(payment('o1', 'tok_slow'), key)).text, first.text);
    assert.equal(waits.length, 1);
  });

  it('may be away: that is a 503, and nothing is held', async () => {
    const key = newKey('authorise:do');
    assertProblem(await authorise(payment('o1', 'tok_unreachable'), key), 503, 'provider');
    assertProblem(await supertest(server).get('/payments/o1').set(issuer.service), 404);
    assert.equal((await authorise(payment('o1'), key)).body.status, 'authorised');
  });
});

describe('A step', () => {
  it('that is sent many times at once is taken once, and answered alike', async () => {
    const key = newKey('authorise:do');
    const answers = await Promise.all(Array.from({ length: 20 }, () => authorise(payment('o1'), key)));
    const told = answers.map(({ status, text, headers }) => `${status} ${text} ${headers['commit-id']}`);
    assert.equal(new Set(told).size, 1, told.join('\n'));
    assert.deepEqual(await balances(), { 'customer:c7': -500, held: 500 });
  });

  it('can not have the key of another one', async () => {
    const key = newKey('authorise:do');
    await authorise(payment('o1'), key);
    assertProblem(await authorise(payment('o1', 'tok_ok', 501), key), 422, 'Idempotency-Key');
    assertProblem(await refund('o1', key), 422, 'Idempotency-Key');
    assert.deepEqual(await balances(), { 'customer:c7': -500, held: 500 });
  });

  it('and its undoing leave nothing, whichever comes first', async () => {
    const orders = Array.from({ length: 40 }, (_, index) => `o${index + 1}`);
    const answers = await Promise.all(
      orders.flatMap((order, index) => {
        const both = [() => authorise(payment(order)), () => refund(order)];
        return (index % 2 === 0 ? both : both.toReversed()).map((step) => step());
      }),
    );
    assert.ok(answers.every(({ status }) => status === 200));
    const rows = await db
      .selectFrom('payments')
      .select('status')
      .where('order_number', '!=', 'o900')
      .execute();
    assert.deepEqual([...new Set(rows.map(({ status }) => status))], ['voided']);
    assert.deepEqual(await balances(), {});
  });
});

describe('The ledger', () => {
  const enter = (entries: readonly [string, number][]) =>
    db.transaction().execute(async (trx) => {
      for (const [account, amount] of entries)
        await trx.insertInto('ledger_entries').values({ transaction: 1_000_000, account, amount }).execute();
    });

  it('takes no transaction that does not add up to zero, and no change that would make one so', async () => {
    await assert.rejects(enter([['held', 5]]), /add up to zero/);
    await assert.rejects(
      enter([
        ['held', 5],
        ['revenue', -4],
      ]),
      /add up to zero/,
    );
    await enter([
      ['held', 5],
      ['revenue', -5],
    ]);
    const changes = [
      db.updateTable('ledger_entries').set({ amount: 6 }).where('account', '=', 'held'),
      db.updateTable('ledger_entries').set({ transaction: 1_000_001 }).where('account', '=', 'held'),
      db.deleteFrom('ledger_entries').where('account', '=', 'held'),
    ];
    for (const change of changes) await assert.rejects(change.execute(), /add up to zero/);
    assert.deepEqual(await balances(), { held: 5, revenue: -5 });
  });

  it('is for operators', async () => {
    for (const who of [issuer.ada, issuer.service])
      assertProblem(await supertest(server).get('/ledger').set(who), 403, 'operator');
  });
});

describe('What is no payment', () => {
  it('is refused, and nothing is held', async () => {
    for (const amount of [-1, 1.5, 1e300, 1e15, '5', null])
      assertProblem(
        await authorise({ ...payment('o1'), amount: { amount, currency: 'EUR' } }),
        400,
        'amount',
      );
    for (const currency of ['USD', 'eur', ''])
      assertProblem(await authorise({ ...payment('o1'), amount: { amount: 5, currency } }), 400, 'currency');
    for (const key of ['o1', 'o1-place:authorise', 'o1-place:authorise:redo', 'O1:authorise:do'])
      assertProblem(await authorise(payment('o1'), key), 400, 'Idempotency-Key');
    assert.deepEqual(await balances(), {});
  });

  it('comes from anybody but a service', async () => {
    const ask = (headers: object) =>
      supertest(server)
        .post('/payments')
        .set({ ...headers, 'Idempotency-Key': newKey('authorise:do') });
    assertProblem(await ask({}).send(payment('o1')), 401);
    for (const who of [issuer.ada, issuer.root])
      assertProblem(await ask(who).send(payment('o1')), 403, 'service');
  });

  it('shows nothing of its token', async () => {
    const { text } = await authorise({ ...payment('o1', 'tok_secret'), amount: 7 });
    assert.doesNotMatch(text, /tok_secret/);
    await authorise(payment('o1', 'tok_secret'));
    const { rows } = await sql`select p::text, s::text from payments p, saga_steps s`.execute(db);
    assert.doesNotMatch(JSON.stringify(rows), /tok_secret/);
  });
});
