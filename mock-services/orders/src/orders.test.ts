import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import { assertProblem, describeFrontDoor } from '@portico/testing/service-suite.ts';
import { sql } from 'kysely';
import { type Order, startOrders, type TestOrders, typesOf } from './orders.fixture.ts';

let orders: TestOrders;
before(async () => {
  orders = await startOrders();
  await orders.until(await orders.placed(), ({ status }) => status === 'CONFIRMED');
});
after(() => orders?.stop());

const wanted = { lines: [{ productId: 'p1', quantity: 2 }], paymentToken: 'tok_ok' };

describeFrontDoor({
  document: loadOpenApi('orders'),
  app: () => orders.app,
  issuer: () => orders.issuer,
  samples: {
    placeOrder: { path: '/orders', headers: { 'Idempotency-Key': 'front-door' }, body: wanted, as: 'ada' },
    listOrders: { path: '/orders', as: 'ada' },
    getOrder: { path: '/orders/o1', as: 'ada' },
    cancelOrder: { path: '/orders/o1/cancel', as: 'ada' },
  },
});

describe('An order', () => {
  it('is taken at the prices of now, and stands at its own address', async () => {
    const answer = await orders.place({ lines: [{ productId: 'p2', quantity: 3 }] });
    assert.equal(answer.status, 202);
    const { number, status, total, lines, version } = answer.body as Order;
    assert.deepEqual([status, version, total], ['PENDING', 1, { amount: 14_970, currency: 'EUR' }]);
    assert.deepEqual(lines, [
      { productId: 'p2', quantity: 3, unitPrice: { amount: 4_990, currency: 'EUR' } },
    ]);
    assert.match(String(answer.get('Commit-Id')), /^orders:[1-9][0-9]*$/);
    assert.equal(answer.get('Location'), `/orders/${number}`);
    const found = await orders.until(number, (order) => order.status === 'CONFIRMED');
    assert.equal(found.placedAt, answer.body.placedAt);
  });

  it('of a product that there is not, or that stands in two lines, is not taken', async () => {
    const { rows } = await sql<{
      orders: number;
    }>`select count(*) as orders from order_events where version = 1`.execute(orders.db);
    const line = (productId: string) => ({ productId, quantity: 1 });
    assertProblem(await orders.place({ lines: [line('p1'), line('p777')] }), 400, 'p777');
    assertProblem(await orders.place({ lines: [line('p1'), line('p2'), line('p1')] }), 400, 'p1');
    for (const quantity of [0, -1, 1.5, 1e9, '2', null])
      assertProblem(await orders.place({ lines: [{ productId: 'p1', quantity }] }), 400, 'quantity');
    const many = Array.from({ length: 1_000 }, (_, index) => line(`p${index + 1}`));
    assertProblem(await orders.place({ lines: many }), 400, 'lines');
    const after = await sql<{
      orders: number;
    }>`select count(*) as orders from order_events where version = 1`.execute(orders.db);
    assert.deepEqual(after.rows, rows);
  });

  it('is one for one key, however often and however many at once, with the commit of the first', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => orders.place({}, 'at-once')));
    answers.push(await orders.place({}, 'at-once'));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
    assert.equal(new Set(answers.map(({ body }) => body.number)).size, 1);
    assert.equal(new Set(answers.map((answer) => answer.get('Commit-Id'))).size, 1);
    const xid = String(answers[0]?.get('Commit-Id')).slice('orders:'.length);
    const { rows } = await sql`
      select order_number as number from order_events where version = 1 and xmin::text = ${xid}`.execute(
      orders.db,
    );
    assert.deepEqual(rows, [{ number: answers[0]?.body.number }]);
  });

  it('is answered by its key also when its product has gone, which nobody can order any more', async () => {
    const lines = [{ productId: 'p98', quantity: 1 }];
    const first = await orders.place({ lines }, 'before-it-went');
    orders.participants.goneProducts.add('p98');
    const again = await orders.place({ lines }, 'before-it-went');
    assert.deepEqual([again.status, again.body.number], [202, first.body.number]);
    assert.equal(again.get('Commit-Id'), first.get('Commit-Id'));
    assertProblem(await orders.place({ lines }, 'after-it-went'), 400, 'p98');
  });

  it('with a key of another one is refused; a key of another customer is another', async () => {
    const first = await orders.place({}, 'shared');
    for (const other of [{ paymentToken: 'tok_slow' }, { lines: [{ productId: 'p1', quantity: 3 }] }]) {
      const refused = await orders.place(other, 'shared');
      assertProblem(refused, 422, 'Idempotency-Key');
      assert.equal(refused.body.code, 'IDEMPOTENCY_CONFLICT');
      assert.doesNotMatch(refused.text, /tok_/);
    }
    const grace = await orders.place({ paymentToken: 'tok_slow' }, 'shared', orders.issuer.grace);
    assert.equal(grace.status, 202);
    assert.notEqual(grace.body.number, first.body.number);
  });

  it('can be seen as it was at any moment', async () => {
    const number = await orders.placed();
    const { timeline } = await orders.until(number, ({ version }) => version === 7);
    for (const [index, { at }] of timeline.entries()) {
      const { body } = await orders.get(`/orders/${number}?asOf=${at}`);
      assert.ok(body.version >= index + 1);
      assert.deepEqual(body.timeline, timeline.slice(0, body.version));
    }
    const placedAt = Date.parse(String(timeline[0]?.at));
    const first = await orders.get(`/orders/${number}?asOf=${new Date(placedAt).toISOString()}`);
    assert.deepEqual([first.body.status, first.body.version], ['PENDING', 1]);
    const before = new Date(placedAt - 1).toISOString();
    assertProblem(await orders.get(`/orders/${number}?asOf=${before}`), 404);
    assertProblem(await orders.get(`/orders/${number}?asOf=2026-02-30T00:00:00Z`), 400, 'asOf');
  });

  it('of another customer is not there', async () => {
    const { issuer } = orders;
    assertProblem(await orders.get('/orders/o1', issuer.grace), 404);
    assertProblem(await orders.cancel('o1', issuer.grace), 404);
    assertProblem(await orders.get('/orders/o999999'), 404);
    assertProblem(await orders.cancel('o999999'), 404);
    const operator = { authorization: `Bearer ${await issuer.mint({ sub: 'root', roles: ['customer'] })}` };
    assertProblem(await orders.get('/orders', operator), 403);
  });

  it('is undone when it is cancelled, once, and can not be when it is rejected', async () => {
    const number = await orders.placed();
    await orders.until(number, ({ status }) => status === 'CONFIRMED');
    const cancelled = await orders.cancel(number);
    assert.equal(cancelled.status, 202);
    const { reason } = await orders.until(number, ({ status }) => status === 'CANCELLED');
    assert.equal(reason, 'cancelled_by_customer');
    const again = await orders.cancel(number);
    assert.deepEqual([again.status, again.body.status], [202, 'CANCELLED']);
    assert.notEqual(again.get('Commit-Id'), cancelled.get('Commit-Id'));
    const rejected = await orders.placed({ paymentToken: 'tok_declined' });
    await orders.until(rejected, ({ status }) => status === 'REJECTED');
    assertProblem(await orders.cancel(rejected), 422, 'rejected');
  });
});

describe('The orders of a customer', () => {
  it('come newest first, page by page, none twice and none left out', async () => {
    const as = { authorization: `Bearer ${await orders.issuer.mint({ sub: 'c77' })}` };
    assert.deepEqual((await orders.get('/orders', as)).body, { items: [], cursors: [], next: null });
    const placed: string[] = [];
    for (let nth = 0; nth < 5; nth += 1)
      placed.unshift((await orders.place({}, `c77-${nth}`, as)).body.number);
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 3; pages += 1) {
      const { body } = await orders.get(`/orders?limit=2${cursor}`, as);
      seen.push(...body.items.map((order: Order) => order.number));
      assert.equal(body.cursors.length, body.items.length);
      cursor = `&cursor=${body.next}`;
      if (pages === 2) assert.equal(body.next, null);
    }
    assert.deepEqual(seen, placed);
    const { body } = await orders.get('/orders', as);
    assertProblem(await orders.get(`/orders?cursor=${body.cursors[0]}`), 400, 'cursor');
  });
});

it('What happened is published as it is written down, and nothing else', async () => {
  const { rows } = await sql<{ tablename: string; kept: string }>`
    select tablename, relreplident as kept from pg_publication_tables
    join pg_class on relname = tablename where pubname = 'portico'`.execute(orders.db);
  assert.deepEqual(rows, [{ tablename: 'order_events', kept: 'f' }]);
});

it('The payment token is in no event and no answer, and is forgotten when it was used', async () => {
  const number = await orders.placed({ paymentToken: 'tok_very-secret' });
  const order = await orders.until(number, ({ status }) => status === 'CONFIRMED');
  assert.ok(typesOf(order).includes('payment-authorised'));
  await orders.settled();
  const { rows } = await sql<{ found: number }>`
    select (select count(*) from order_events as row where row::text like '%very-secret%')
      + (select count(*) from idempotency_keys as row where row::text like '%very-secret%')
      + (select count(*) from saga_steps as row where row::text like '%very-secret%') as found`.execute(
    orders.db,
  );
  assert.deepEqual(rows, [{ found: 0 }]);
  assert.doesNotMatch(JSON.stringify(order), /very-secret/);
});
