import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { HubRecord } from '@portico/change-stream/hub/event-hub.ts';
import { everythingChangedEvent, type PublicEvent } from '@portico/contracts/events/change-event.ts';
import { createDatabase, type Database, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { sql } from 'kysely';
import { type CatalogTables, migrations } from '../database.ts';
import { seedCatalog } from '../seed.ts';
import { type FoldedReview, foldReviews, type ReadReviews } from './fold-reviews.ts';

let postgres: TestPostgres;
let db: Database<CatalogTables>;
/** What the service has, when it is asked. */
let there: FoldedReview[];
let asked: number;

before(async () => {
  postgres = await startPostgres({ databases: ['catalog'] });
  db = createDatabase<CatalogTables>(String(postgres.databases.catalog), silentLogger);
  await migrateToLatest(db, migrations);
  await seedCatalog(db, 3);
});
after(async () => {
  await db?.destroy();
  await postgres?.stop();
});
beforeEach(async () => {
  there = [];
  asked = 0;
  await db.deleteFrom('folded_reviews').execute();
  await db.updateTable('products').set({ rating_average: 0, rating_count: 0 }).execute();
});

const review = (number: number, productId: string, stars: number) => {
  return {
    id: `r${number}`,
    productId,
    customerId: 'c1',
    stars,
    body: 'Good.',
    createdAt: '2025-01-01T00:00:00.000Z',
  };
};
type Review = ReturnType<typeof review>;
const changed = (before: Review | null, after: Review | null): PublicEvent => {
  return { type: 'review-changed', key: String((after ?? before)?.id), data: { before, after } };
};
let number = 0;
const record = (events: readonly PublicEvent[], source = 'reviews'): HubRecord => {
  number += 1;
  const withIds = events.map((event, index) => ({ ...event, id: `${number}.${index}` }));
  return {
    number,
    source,
    offset: { log: 'l', at: String(number) },
    xid: '1',
    committedAt: 0,
    events: withIds,
  };
};
const readReviews: ReadReviews = async function* (productIds) {
  asked += 1;
  yield there.filter(({ productId }) => productIds.includes(productId));
};
const fold = (...records: HubRecord[]) =>
  db.transaction().execute((trx) => foldReviews(records, trx, readReviews));
const somebodyWaits = async () => {
  const { rows } = await sql`select from pg_locks where locktype = 'advisory' and not granted`.execute(db);
  return rows.length > 0;
};
/** Average in hundredths and count, of p1 to p3. */
const ratings = async () =>
  (await db.selectFrom('products').select(['rating_average', 'rating_count']).orderBy('id').execute()).map(
    (row) => [row.rating_average, row.rating_count],
  );

describe('The fold of reviews', () => {
  it('has the last state of each review, in one record or in many', async () => {
    const [first, second] = [review(1, 'p1', 5), review(2, 'p1', 4)];
    await fold(record([changed(null, first)]), record([changed(null, second)]));
    assert.deepEqual(await ratings(), [
      [450, 2],
      [0, 0],
      [0, 0],
    ]);
    const moved = { ...second, productId: 'p2', stars: 1 };
    await fold(record([changed(second, moved), changed(first, null)]));
    assert.deepEqual(await ratings(), [
      [0, 0],
      [100, 1],
      [0, 0],
    ]);
  });

  it('comes to the same end when records come again', async () => {
    const [first, second] = [review(1, 'p1', 5), review(2, 'p1', 2)];
    const records = [
      record([changed(null, first), changed(null, second)]),
      record([changed(first, { ...first, stars: 3 })]),
      record([changed(second, null)]),
    ];
    await fold(...records);
    const once = await ratings();
    assert.deepEqual(once, [
      [300, 1],
      [0, 0],
      [0, 0],
    ]);
    for (const again of [records, records.slice(1), records.slice(2)]) {
      await fold(...again);
      assert.deepEqual(await ratings(), once);
    }
  });

  it('is what a snapshot says, and drops what did not come, also when it was begun twice', async () => {
    const [kept, gone] = [review(1, 'p1', 5), review(2, 'p2', 2)];
    await fold(record([changed(null, kept), changed(null, gone)]));
    const begun = record([everythingChangedEvent('snapshot-begun')]);
    await fold(begun, record([changed(null, gone)]));
    await fold(begun, record([changed(null, { ...kept, stars: 4 })]));
    await fold(
      record([everythingChangedEvent('snapshot-ended')]),
      record([changed(null, review(3, 'p3', 1))]),
    );
    assert.deepEqual(await ratings(), [
      [400, 1],
      [0, 0],
      [100, 1],
    ]);
    assert.equal(asked, 0);
  });

  it('asks the service where the hub can not tell what there is, and goes on from there', async () => {
    const [first, second] = [review(1, 'p1', 5), review(2, 'p2', 2)];
    for (const unclear of [
      everythingChangedEvent('truncated'),
      everythingChangedEvent('too-large'),
      everythingChangedEvent('not-understood'),
      { ...changed(null, first), data: { before: null, after: { id: 'r1', stars: 'many' } } },
    ]) {
      await fold(record([changed(null, first), changed(null, second)]));
      there = [review(2, 'p2', 3), review(7, 'p3', 4)];
      asked = 0;
      await fold(record([unclear]), record([changed(null, review(8, 'p3', 5))]));
      assert.equal(asked, 1);
      assert.deepEqual(await ratings(), [
        [0, 0],
        [300, 1],
        [450, 2],
      ]);
    }
  });

  it('stays as it was when the service can not be asked', async () => {
    await fold(record([changed(null, review(1, 'p1', 5))]));
    const unclear = record([everythingChangedEvent('truncated')]);
    const failing: ReadReviews = async function* () {
      yield [];
      throw new Error('away');
    };
    await assert.rejects(
      db.transaction().execute((trx) => foldReviews([unclear], trx, failing)),
      /away/,
    );
    assert.deepEqual(await ratings(), [
      [500, 1],
      [0, 0],
      [0, 0],
    ]);
  });

  it('has nothing to do with other sources', async () => {
    await fold(record([everythingChangedEvent('truncated')], 'inventory'));
    assert.equal(asked, 0);
  });

  it('misses no review of a product that is added in the meantime', async () => {
    const adding = await db.startTransaction().execute();
    const product = { id: 'p4', name: 'Late', category_id: 'toys', price_amount: 1 };
    await adding.insertInto('products').values(product).execute();
    const folding = fold(record([changed(null, review(4, 'p4', 2))]));
    let done = false;
    const folded = folding.then(() => {
      done = true;
    });
    while (!done && !(await somebodyWaits()));
    await adding.commit().execute();
    await folded;
    assert.deepEqual((await ratings()).at(-1), [200, 1]);
    await db.deleteFrom('products').where('id', '=', 'p4').execute();
    await db.insertInto('products').values(product).execute();
    assert.deepEqual((await ratings()).at(-1), [200, 1]);
    await db.deleteFrom('products').where('id', '=', 'p4').execute();
  });
});
