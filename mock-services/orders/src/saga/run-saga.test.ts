import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createDatabase } from '@portico/runtime/database.ts';
import { type Logger, silentLogger } from '@portico/runtime/log.ts';
import { sql } from 'kysely';
import supertest from 'supertest';
import type { OrdersTables } from '../database.ts';
import { type Order, startOrders, type TestOrders, typesOf } from '../orders.fixture.ts';
import { runSaga } from './run-saga.ts';

let orders: TestOrders;
before(async () => {
  orders = await startOrders();
});
afterEach(async () => {
  orders.participants.behave(() => undefined);
  await orders.settled();
});
after(() => orders?.stop());

const isOver = ({ status }: Order) => status !== 'PENDING';
const is = (wanted: Order['status']) => (order: Order) => order.status === wanted;
/** The steps of an order that had an effect, in their order: `reserve:do`. */
const effectsOf = (number: string) =>
  orders.participants
    .effects()
    .filter((key) => key.startsWith(`${number}-`))
    .map((key) => key.slice(key.indexOf(':') + 1));
const requestsOf = (number: string) =>
  orders.participants.received.filter((key) => key.startsWith(`${number}-`));
const whole = ['reserve:do', 'authorise:do', 'schedule:do', 'capture:do', 'commit:do'];

describe('The saga of an order', () => {
  it('goes through all who take part, once each, as the service that it is and in the trace of the order', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const { body } = await orders.place().set('traceparent', traceparent);
    const order = await orders.until(body.number, ({ version }) => version === 7);
    await orders.settled();
    assert.equal(order.status, 'CONFIRMED');
    assert.deepEqual(effectsOf(body.number).sort(), whole.toSorted());
    assert.deepEqual(requestsOf(body.number).slice(0, 3), [
      `${body.number}-place:reserve:do`,
      `${body.number}-place:authorise:do`,
      `${body.number}-place:schedule:do`,
    ]);
    assert.deepEqual([...orders.participants.authorizations], ['Bearer a-service-token']);
    assert.ok(orders.participants.traceIds.has('a'.repeat(32)));
    const { rows } = await sql`
      select distinct substr(traceparent, 4, 32) as trace from order_events where order_number = ${body.number}`.execute(
      orders.db,
    );
    assert.deepEqual(rows, [{ trace: 'a'.repeat(32) }]);
  });

  it('rejects an order without stock, and has nothing to undo', async () => {
    orders.participants.behave((key) => {
      orders.participants.things.set(`${key.split('-')[0]} reservations`, 'refused');
      return undefined;
    });
    const number = await orders.placed();
    const { reason } = await orders.until(number, is('REJECTED'));
    assert.deepEqual([reason, effectsOf(number)], ['out_of_stock', ['reserve:do']]);
  });

  it('rejects an order whose payment is declined, and gives its stock back', async () => {
    const number = await orders.placed({ paymentToken: 'tok_declined' });
    const order = await orders.until(number, is('REJECTED'));
    assert.equal(order.reason, 'payment_declined');
    assert.deepEqual(effectsOf(number), ['reserve:do', 'authorise:do', 'reserve:undo']);
    assert.deepEqual(typesOf(order).slice(1), [
      'stock-reserved',
      'step-failed',
      'stock-released',
      'order-rejected',
    ]);
  });

  it('waits for a payment that is slow', async () => {
    const paid = Promise.withResolvers<void>();
    orders.participants.behave((key) => (key.includes('authorise') ? paid.promise : undefined));
    const number = await orders.placed();
    await orders.until(number, ({ version }) => version === 2);
    assert.equal((await orders.orderOf(number)).status, 'PENDING');
    paid.resolve();
    await orders.until(number, is('CONFIRMED'));
  });

  const reasons = {
    reserve: ['inventory_unavailable', 'reserve:undo'],
    authorise: ['payment_unavailable', 'reserve:do authorise:undo reserve:undo'],
    schedule: ['shipping_unavailable', 'reserve:do authorise:do schedule:undo authorise:undo reserve:undo'],
  };
  for (const [name, [expected = '', effects = '']] of Object.entries(reasons)) {
    it(`takes ${name} back, with what came before, when that is down`, async () => {
      orders.participants.behave((key) => (key.endsWith(`${name}:do`) ? 'down' : undefined));
      const number = await orders.placed();
      const { reason } = await orders.until(number, is('REJECTED'));
      assert.deepEqual([reason, effectsOf(number).join(' ')], [expected, effects]);
      assert.ok(
        requestsOf(number).filter((key) => key.endsWith(`${name}:do`)).length > 2,
        'it was tried again',
      );
    });
  }

  it('asks again, by the same key, when answers are lost after the effect: each comes about once', async () => {
    orders.participants.behave((_, nth) => (nth === 1 ? 'lost' : undefined));
    const number = await orders.placed();
    await orders.until(number, ({ version }) => version === 7);
    await orders.settled();
    assert.deepEqual(effectsOf(number).sort(), whole.toSorted());
    assert.equal(requestsOf(number).length, 10);
    await orders.cancel(number);
    await orders.until(number, is('CANCELLED'));
    assert.deepEqual(effectsOf(number).slice(5), ['schedule:undo', 'authorise:undo', 'reserve:undo']);
  });

  it('takes back what had its effect, when no answer ever comes', async () => {
    orders.participants.behave((key) => (key.endsWith('authorise:do') ? 'lost' : undefined));
    const number = await orders.placed();
    const { reason } = await orders.until(number, is('REJECTED'));
    assert.equal(reason, 'payment_unavailable');
    assert.equal(orders.participants.things.get(`${number} payments`), 'voided');
  });

  it('gives up on a service that hangs', async () => {
    orders.participants.behave((key) => (key.endsWith('reserve:do') ? 'hangs' : undefined));
    const number = await orders.placed();
    const { reason } = await orders.until(number, is('REJECTED'));
    assert.deepEqual([reason, effectsOf(number)], ['inventory_unavailable', ['reserve:undo']]);
  });
});

describe('What has to be done', () => {
  it('is tried again until it is', async () => {
    orders.participants.behave((key, nth) =>
      /undo|capture|commit/.test(key) && nth <= 2 ? 'down' : undefined,
    );
    const number = await orders.placed();
    await orders.until(number, ({ version }) => version === 7);
    await orders.cancel(number);
    await orders.until(number, is('CANCELLED'));
    assert.equal(effectsOf(number).length, 8);
  });

  it('waits for an operator after a limit, with the reason, and goes on when it is resumed', async () => {
    const { participants, admin } = orders;
    participants.behave((key) => (key.endsWith('reserve:undo') ? 'down' : undefined));
    const number = await orders.placed({ paymentToken: 'tok_declined' });
    const id = `${number}-place:reserve:undo`;
    const parked = async () => (await supertest(admin).get('/sagas/parked')).body.items;
    while ((await parked()).length === 0);
    assert.deepEqual(await parked(), [
      {
        id,
        orderNumber: number,
        step: 'reserve',
        direction: 'undo',
        attempts: 3,
        failure: 'inventory: answered 503',
      },
    ]);
    assert.equal((await orders.orderOf(number)).status, 'PENDING');
    assert.equal((await supertest(admin).post('/sagas/o1-place:reserve:do/resume')).status, 404);
    participants.behave(() => undefined);
    assert.equal((await supertest(admin).post(`/sagas/${id}/resume`)).status, 204);
    await orders.until(number, is('REJECTED'));
    assert.deepEqual(await parked(), []);
  });

  it('waits for an operator at once where it is said that it can not be', async () => {
    orders.participants.behave((key) => (key.endsWith('capture:do') ? 'refused' : undefined));
    const number = await orders.placed();
    const parked = async () => (await supertest(orders.admin).get('/sagas/parked')).body.items;
    while ((await parked()).length === 0);
    const secrets = await orders.db.selectFrom('saga_steps').select('secret').distinct().execute();
    assert.deepEqual(secrets, [{ secret: null }], 'the payment token was used up');
    assert.deepEqual([(await parked())[0].attempts, effectsOf(number).includes('capture:do')], [1, false]);
    orders.participants.behave(() => undefined);
    await supertest(orders.admin).post(`/sagas/${number}-place:capture:do/resume`);
    await orders.until(number, ({ version }) => version === 7);
  });
});

describe('A step that fails inside orders', () => {
  it('is named in the log, put off, and parked after the limit, while others go on', async (t) => {
    const lines: { step?: string; message: string }[] = [];
    const error = (said: object, message: string) => void lines.push({ ...said, message });
    const log: Logger = Object.assign(Object.create(silentLogger), { error });
    const broken = await startOrders({}, log);
    t.after(broken.stop);
    const number = await broken.placed();
    await broken.until(number, ({ version }) => version === 7);
    await sql`
      create function refuse() returns trigger language plpgsql as $$ begin raise 'no such event'; end $$`.execute(
      broken.db,
    );
    await sql`
      create trigger refuse before insert on order_events for each row when (new.type = 'payment-refunded')
      execute function refuse()`.execute(broken.db);
    await broken.cancel(number);
    const other = await broken.placed();
    await broken.until(other, ({ version }) => version === 7);
    const id = `${number}-cancel:authorise:undo`;
    const parked = async () => (await supertest(broken.admin).get('/sagas/parked')).body.items;
    while ((await parked()).length === 0);
    const { attempts, failure } = (await parked())[0];
    assert.deepEqual([attempts, failure], [3, 'no such event']);
    const told = 'a step failed inside orders';
    assert.deepEqual(
      lines.map(({ step, message }) => [step, message]),
      [
        [id, told],
        [id, told],
        [id, told],
        [id, 'a step is parked'],
      ],
    );
    const { text } = await supertest(broken.admin).get('/metrics');
    assert.match(text, /portico_saga_steps\{step="authorise:undo",state="parked",process="orders"\} 1\n/);
    assert.match(
      text,
      /portico_saga_oldest_step_seconds\{step="authorise:undo",state="parked",.*\} [\d.]+\n/,
    );
    assert.match(text, /portico_saga_tries_total\{step="authorise:undo",result="failed",.*\} 2\n/);
    assert.match(text, /portico_saga_tries_total\{step="reserve:do",result="done",.*\} 2\n/);
    await sql`drop trigger refuse on order_events`.execute(broken.db);
    await supertest(broken.admin).post(`/sagas/${id}/resume`);
    await broken.until(number, is('CANCELLED'));
    await broken.settled();
    assert.doesNotMatch((await supertest(broken.admin).get('/metrics')).text, /portico_saga_steps\{/);
  });
});

describe('A cancelled order', () => {
  it('that was being paid is paid back', async () => {
    const paid = Promise.withResolvers<void>();
    orders.participants.behave((key) => (key.endsWith('authorise:do') ? paid.promise : undefined));
    const number = await orders.placed();
    await orders.until(number, ({ version }) => version === 2);
    assert.equal((await orders.cancel(number)).status, 202);
    paid.resolve();
    await orders.until(number, is('CANCELLED'));
    assert.deepEqual(effectsOf(number), ['reserve:do', 'authorise:do', 'authorise:undo', 'reserve:undo']);
  });

  it('that has left stays as it is', async () => {
    const number = await orders.placed();
    await orders.until(number, ({ version }) => version === 7);
    orders.participants.things.set(`${number} shipments`, 'shipped');
    await orders.cancel(number);
    const order = await orders.until(number, (one) => typesOf(one).includes('cancellation-refused'));
    assert.equal(order.status, 'CONFIRMED');
    assert.ok(!effectsOf(number).includes('authorise:undo'));
    assert.equal((await orders.cancel(number)).status, 422);
  });
});

describe('The steps under way', () => {
  it('are no more than they may be, and all come to their end', async () => {
    const paid = Promise.withResolvers<void>();
    let paying = 0;
    let most = 0;
    orders.participants.behave((key) => {
      if (!key.endsWith('authorise:do')) return undefined;
      paying += 1;
      most = Math.max(most, paying);
      return paid.promise.then(() => {
        paying -= 1;
      });
    });
    const numbers = await Promise.all(Array.from({ length: 10 }, () => orders.placed()));
    while (paying < 4) await orders.orderOf(String(numbers[0]));
    paid.resolve();
    for (const number of numbers) await orders.until(number, is('CONFIRMED'));
    assert.equal(most, 4);
  });

  it('are worked on by one of several instances each', async () => {
    const db = createDatabase<OrdersTables>(orders.url, silentLogger);
    const asked: string[] = [];
    const second = runSaga({
      db,
      perform: async (step) => {
        asked.push(step.id);
        return { kind: 'done' };
      },
      log: silentLogger,
      concurrency: 4,
      pollMs: 5,
    });
    const numbers = await Promise.all(Array.from({ length: 20 }, () => orders.placed()));
    for (const number of numbers) await orders.until(number, ({ version }) => version === 7);
    await second.close();
    const all = [...asked, ...numbers.flatMap(requestsOf)];
    assert.equal(new Set(all).size, all.length);
    assert.equal(all.length, 100);
  });

  it('are free at once when the connection to the database breaks, and come about once', async () => {
    const held = Promise.withResolvers<void>();
    orders.participants.behave((key, nth) =>
      key.endsWith('schedule:do') && nth === 1 ? held.promise : undefined,
    );
    const number = await orders.placed();
    await orders.until(number, ({ version }) => version === 3);
    while (!requestsOf(number).some((key) => key.endsWith('schedule:do'))) await orders.orderOf(number);
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'`.execute(
      orders.db,
    );
    await orders.until(number, isOver);
    held.resolve();
    const order = await orders.until(number, ({ version }) => version === 7);
    assert.equal(order.status, 'CONFIRMED');
    assert.equal(effectsOf(number).filter((one) => one === 'schedule:do').length, 1);
    assert.equal(requestsOf(number).filter((key) => key.endsWith('schedule:do')).length, 2);
  });
});
