import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  ordersEvents,
  type OrderEvent as PublicOrderEvent,
} from '@portico/contracts/events/orders-events.ts';
import { upcastOrderEvent, type WrittenEvent } from '@portico/contracts/events/upcast-order-events.ts';
import { createDatabase, type Database, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { sql } from 'kysely';
import { migrations, type OrdersTables } from '../database.ts';
import { evolve, initialState, type OrderEvent } from '../order.ts';
import { appendEvents, readEvents, type Stream, VersionConflict } from './event-store.ts';
import { changeOrder, loadOrder, newOrder } from './order-store.ts';
import { histories } from './stored-histories.fixture.ts';

let postgres: TestPostgres;
let db: Database<OrdersTables>;
before(async () => {
  postgres = await startPostgres({ databases: ['orders'] });
  db = createDatabase(String(postgres.databases.orders), silentLogger);
  await migrateToLatest(db, migrations);
});
after(async () => {
  await db?.destroy();
  await postgres?.stop();
});

const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
const euros = (amount: number) => ({ amount, currency: 'EUR' });
const placed: OrderEvent = {
  type: 'order-placed',
  data: { lines: [{ productId: 'p1', quantity: 2, unitPrice: euros(4_990) }], total: euros(9_980) },
};
const reserved: OrderEvent = { type: 'stock-reserved', data: {} };
const stream = (orderNumber: string, expectedVersion: number): Stream => {
  return {
    orderNumber,
    customerId: 'c1',
    expectedVersion,
    at: new Date('2026-01-15T12:00:00Z'),
    traceparent,
  };
};
const append = (orderNumber: string, expectedVersion: number, events: readonly OrderEvent[]) =>
  db.transaction().execute((trx) => appendEvents(trx, stream(orderNumber, expectedVersion), events));
const versionsOf = async (orderNumber: string) =>
  (await readEvents(db, [orderNumber])).map(({ version, event }) => `${version} ${event.type}`);

describe('The event store', () => {
  it('gives back what was appended, in its order, with versions from 1', async () => {
    await append('o1', 0, [placed, reserved]);
    await append('o1', 2, [{ type: 'payment-authorised', data: {} }]);
    const found = await readEvents(db, ['o1']);
    assert.deepEqual(await versionsOf('o1'), ['1 order-placed', '2 stock-reserved', '3 payment-authorised']);
    assert.deepEqual(found[0], {
      orderNumber: 'o1',
      version: 1,
      customerId: 'c1',
      at: new Date('2026-01-15T12:00:00Z'),
      traceparent,
      event: placed,
    });
  });

  it('appends to what was expected and to nothing else, so that versions have no gap', async () => {
    await append('o2', 0, [placed]);
    for (const wrong of [0, 2, 7])
      await assert.rejects(append('o2', wrong, [reserved, reserved]), VersionConflict);
    await assert.rejects(append('o3', 1, [reserved]), VersionConflict);
    assert.deepEqual([await versionsOf('o2'), await versionsOf('o3')], [['1 order-placed'], []]);
  });

  it('lets one of many win who append at once', async () => {
    await append('o4', 0, [placed]);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => append('o4', 1, [reserved, reserved])),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof VersionConflict, outcome.reason);
    assert.equal((await versionsOf('o4')).length, 3);
  });

  it('appends all or nothing', async () => {
    const wrong = { type: 'Not An Event', data: {} } as unknown as OrderEvent;
    await assert.rejects(append('o5', 0, [placed, wrong]));
    assert.deepEqual(await versionsOf('o5'), []);
  });
});

describe('A long order', () => {
  const change = (days: number) => {
    return { traceparent, now: new Date(Date.UTC(2026, 0, 1 + days)), snapshotEvery: 5 };
  };
  /** 12 events, a day between them. */
  const makeLong = async (number: string) => {
    let stored = newOrder(number, 'c1');
    for (let day = 0; day < 12; day += 1)
      stored = await db
        .transaction()
        .execute((trx) => changeOrder(trx, stored, [day === 0 ? placed : reserved], change(day)));
    return stored;
  };

  it('is read from its snapshot on, and is the same as from its begin', async () => {
    const stored = await makeLong('o10');
    assert.deepEqual(await loadOrder(db, 'o10'), stored);
    const { rows } = await sql`select version from order_snapshots where order_number = 'o10'`.execute(db);
    assert.deepEqual(rows, [{ version: 10 }]);
    await sql`delete from order_snapshots where order_number = 'o10'`.execute(db);
    assert.deepEqual(await loadOrder(db, 'o10'), stored);
  });

  it('does not show what came later by its snapshot', async () => {
    await makeLong('o11');
    for (let day = 0; day < 12; day += 1)
      assert.equal((await loadOrder(db, 'o11', change(day).now))?.version, day + 1);
    assert.equal(await loadOrder(db, 'o11', change(-1).now), undefined);
  });

  it('is not read from a snapshot that another version of the program made', async () => {
    const stored = await makeLong('o12');
    await sql`update order_snapshots set schema_version = 0, state = '{}' where order_number = 'o12'`.execute(
      db,
    );
    assert.deepEqual(await loadOrder(db, 'o12'), stored);
  });

  it('has no event that is older than the one before, though clocks differ', async () => {
    const stored = await makeLong('o13');
    const late = await db.transaction().execute((trx) => changeOrder(trx, stored, [reserved], change(3)));
    assert.deepEqual(late.at, stored.at);
  });
});

const upcast = (event: WrittenEvent) =>
  ({ type: event.type, data: upcastOrderEvent(event) }) as unknown as OrderEvent;
/** A row as capture reads it. */
const toRow = (
  { type, schemaVersion, data, at }: (typeof histories)[number]['events'][number],
  index: number,
) => {
  const row = { order_number: 'o1', version: index + 1, customer_id: 'c1', type, at, traceparent };
  return { ...row, schema_version: schemaVersion, data: JSON.stringify(data) };
};

describe('Stored histories of earlier versions', () => {
  for (const { name, events, expected } of histories) {
    it(`replay: ${name}`, () => {
      const order = events.reduce((before, event) => evolve(before, upcast(event), event.at), initialState);
      const { status, reason, total, lines } = order;
      assert.deepEqual({ status, reason, total, lines }, expected);
      assert.equal(order.timeline.length, events.length);
    });
  }

  for (const { name, events, expected } of histories) {
    it(`are published as the newest schema has them: ${name}`, () => {
      const published = events.flatMap((event, index) =>
        ordersEvents.toEvents({ table: 'order_events', before: null, after: toRow(event, index) }),
      );
      const said = published.map(({ data }) => (data.after as PublicOrderEvent).data);
      assert.deepEqual(
        said,
        events.map((event) => upcast(event).data),
      );
      const { lines, total } = expected;
      assert.deepEqual(said[0], { lines, total });
    });
  }

  it('are those of this program or older', () => {
    assert.throws(() => upcast({ type: 'order-placed', schemaVersion: 3, data: {} }), TypeError);
    assert.throws(() => evolve(initialState, { type: 'order-eaten', data: {} } as never, ''), TypeError);
  });
});
