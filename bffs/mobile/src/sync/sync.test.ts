import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventHub } from '@portico/change-stream/hub/event-hub.ts';
import { everythingChangedEvent } from '@portico/contracts/events/change-event.ts';
import { productChanged, reviewChanged, stockChanged } from '@portico/testing/shop-events.ts';
import { startTokenIssuer } from '@portico/testing/token-issuer.ts';
import supertest from 'supertest';
import { createTestBff } from '../mobile-bff.fixture.ts';
import { readSyncCursor, writeSyncCursor } from './sync-cursor.ts';
import { type SyncPage, startSyncShop } from './sync-shop.fixture.ts';

let shop: Awaited<ReturnType<typeof startSyncShop>>;
beforeEach(async () => {
  shop = await startSyncShop();
});
afterEach(() => shop.close());

type Bff = Awaited<ReturnType<typeof shop.startBff>>;

const setPrice = async (id: string, amount: number) => {
  const at = shop.data.products.findIndex((product) => product.id === id);
  const before = shop.data.products[at];
  if (before === undefined) throw new Error(`there is no ${id}`);
  const after = { ...before, price: { ...before.price, amount } };
  shop.data.products[at] = after;
  return shop.commit('catalog', productChanged(before, after));
};
const remove = async (id: string) => {
  const at = shop.data.products.findIndex((product) => product.id === id);
  const [before] = shop.data.products.splice(at, 1);
  return shop.commit('catalog', productChanged(before, undefined));
};
const setStock = async (productId: string, quantity: number) => {
  const at = shop.data.stock.findIndex((stock) => stock.productId === productId);
  const before = shop.data.stock[at];
  if (before === undefined) throw new Error(`there is no stock of ${productId}`);
  const after = { ...before, quantity };
  shop.data.stock[at] = after;
  return shop.commit('inventory', stockChanged(before, after));
};
const addReview = async (productId: string, stars: number) => {
  const review = {
    id: `r${1_000 + shop.data.reviews.length}`,
    productId,
    customerId: 'c1',
    stars,
    body: 'New.',
  };
  const after = { ...review, createdAt: '2026-01-01T00:00:00.000Z' };
  shop.data.reviews.unshift(after);
  return shop.commit('reviews', reviewChanged(null, after));
};
const idsOf = ({ changes }: Pick<SyncPage, 'changes'>) => changes.map(({ id }) => id);

describe('A phone without anything', () => {
  it('is told all products as the list has them, in pages, and then what changed meanwhile', async () => {
    const bff = await shop.startBff();
    await bff.applied();
    const first = await bff.ask(undefined, '&limit=30');
    assert.equal(first.body.changes.length, 30);
    assert.equal(first.body.hasMore, true);
    const told = first.body.changes[3].id;
    await setPrice(told, 31_337);
    const rest = await bff.sync(first.body.next, '&limit=30');
    const changes: SyncPage['changes'] = [...first.body.changes, ...rest.changes];
    assert.equal(changes.length, 46);
    assert.deepEqual(changes.at(-1)?.data?.price.amount, 31_337);
    const kept = new Map(changes.map(({ id, data }) => [id, data]));
    const { body } = await bff.get('/api/v1/products?limit=100');
    assert.deepEqual(
      body.items.map(({ id }: { id: string }) => kept.get(id)),
      body.items,
    );
  });

  it('costs a call of each service for a page, and none for one that nothing has changed on', async () => {
    const bff = await shop.startBff();
    await bff.applied();
    shop.takeCalls();
    await bff.ask();
    assert.deepEqual(
      shop
        .takeCalls()
        .map(({ service }) => service)
        .sort(),
      ['catalog', 'inventory', 'reviews'],
    );
    await bff.ask();
    assert.deepEqual(shop.takeCalls(), []);
  });
});

describe('A phone that has been told everything', () => {
  let bff: Bff;
  let since: string;
  beforeEach(async () => {
    bff = await shop.startBff();
    since = (await bff.sync()).next;
  });

  it('is told nothing where nothing changed, and 304 where it has that answer', async () => {
    const answer = await bff.ask(since);
    assert.deepEqual(answer.body, { changes: [], next: since, hasMore: false });
    const again = await bff.ask(since).set('If-None-Match', String(answer.headers.etag));
    assert.equal(again.status, 304);
  });

  it('is told of a price, a stock and a rating, each product once and as it is now, the latest change last', async () => {
    await setPrice('p7', 1);
    await setStock('p8', 0);
    await setPrice('p7', 2);
    await addReview('p9', 5);
    const { changes, next } = await bff.sync(since);
    assert.deepEqual(
      changes.map(({ id, op, data }) => [id, op, data?.price.amount, data?.inStock, data?.rating?.count]),
      [
        ['p8', 'upsert', 800, false, 3],
        ['p7', 'upsert', 2, true, 3],
        ['p9', 'upsert', 900, true, 4],
      ],
    );
    assert.deepEqual((await bff.sync(next)).changes, []);
  });

  it('is told of nothing that no card shows', async () => {
    const [review] = shop.data.reviews;
    assert.ok(review);
    await shop.commit('customers', {
      type: 'customer-changed',
      key: 'c1',
      data: { before: null, after: null },
    });
    await shop.commit('reviews', reviewChanged(null, { ...review, productId: 'nothing' }));
    assert.deepEqual((await bff.sync(since)).changes, []);
  });

  it('is told that a product is gone, and that it is there again', async () => {
    const [product] = shop.data.products.slice(6, 7);
    await remove('p7');
    const gone = await bff.sync(since);
    assert.deepEqual(gone.changes, [{ type: 'product', id: 'p7', op: 'delete' }]);
    shop.data.products.push(product as never);
    await shop.commit('catalog', productChanged(undefined, product));
    assert.deepEqual((await bff.sync(gone.next)).changes[0]?.data?.name, 'Product 7');
  });

  it('is told page by page, also of one transaction, and by another instance', async () => {
    const other = await shop.startBff();
    await other.applied();
    const ids = ['p1', 'p10', 'p2', 'p20', 'p3', 'p4', 'p5'];
    const events = ids.map((id) => {
      const before = shop.data.products.find((product) => product.id === id);
      return productChanged(before, before && { ...before, name: `New ${id}` });
    });
    await shop.commit('catalog', ...events);
    await Promise.all([bff.applied(), other.applied()]);
    const first = await bff.ask(since, '&limit=3');
    const second = await other.ask(first.body.next, '&limit=3');
    const third = await bff.ask(second.body.next, '&limit=3');
    const pages: SyncPage[] = [first.body, second.body, third.body];
    assert.deepEqual(pages.flatMap(idsOf), ids);
    assert.deepEqual(
      pages.map(({ hasMore }) => hasMore),
      [true, true, false],
    );
  });

  for (const [what, source, cause] of [
    ['the products were truncated', 'catalog', 'truncated'],
    ['a transaction was too large to tell', 'inventory', 'too-large'],
    ['the reviews were captured anew', 'reviews', 'snapshot-begun'],
  ] as const) {
    it(`has to start again where ${what}`, async () => {
      await setPrice('p1', 1);
      await shop.commit(source, everythingChangedEvent(cause));
      await bff.applied();
      assert.equal((await bff.ask(since)).status, 410);
      const { next } = await bff.sync();
      await setPrice('p2', 2);
      assert.deepEqual(idsOf(await bff.sync(next)), ['p2']);
    });
  }

  it('does not have to where something changed that is no part of the catalogue', async () => {
    await shop.commit('customers', everythingChangedEvent('truncated'));
    assert.deepEqual((await bff.sync(since)).changes, []);
  });

  it('has to start again with the position of another log, or with what is none', async () => {
    const other = writeSyncCursor({ ...readSyncCursor(since), epoch: 'another' } as never);
    for (const foreign of [other, 'garbage', 'eyJhIjoxfQ', `${since}x`.slice(5)]) {
      const { status, body, headers } = await bff.ask(foreign);
      assert.equal(status, 410, foreign);
      assert.equal(body.type, 'urn:portico:problem:gone');
      assert.equal(headers['cache-control'], 'no-store');
    }
    assert.equal((await bff.ask('a'.repeat(1_025))).status, 400);
    await shop.hub.renewEpoch();
    await setPrice('p1', 1);
    while (bff.node.applied?.epoch !== (await shop.hub.epoch())) await nextTurn();
    assert.equal((await bff.ask(since)).status, 410);
    assert.equal((await bff.sync()).changes.length, 45);
  });

  it('waits for what it has been told by another instance, and for what it did itself', async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { hub } = shop;
    const late: EventHub = {
      ...hub,
      tail: async (after, receive, signal) =>
        hub.tail(after, (messages) => opened.then(() => receive(messages)), signal),
    };
    const behind = await shop.startBff({ hub: late, waitMs: 20_000 });
    const impatient = await shop.startBff({ hub: late, waitMs: 0 });
    await Promise.all([behind.applied(), impatient.applied()]);
    const commit = await setPrice('p1', 1);
    const { next } = await bff.sync(since);
    assert.equal((await impatient.ask(next)).status, 503);
    const token = tokenOf(bff, commit);
    assert.equal((await impatient.ask(since).set('Portico-Consistency', token)).status, 503);
    const asked = [behind.ask(next), behind.ask(since).set('Portico-Consistency', token)].map(
      async (answer) => await answer,
    );
    open();
    const [told, own] = await Promise.all(asked);
    assert.deepEqual([told?.status, told && idsOf(told.body)], [200, []]);
    assert.deepEqual([own?.status, own && idsOf(own.body)], [200, ['p1']]);
  });
});

/** What a client has that made a commit. */
function tokenOf({ consistency }: Bff, commit: string): string {
  const context = {} as Parameters<typeof consistency.begin>[0];
  consistency.begin(context, undefined);
  consistency.reading.onCommit?.(context, 'catalog', commit);
  return String(context.consistency?.token());
}

describe('A BFF that was started again', () => {
  it('knows what changed before, as far as it reads back, and says so while it reads', async () => {
    const first = await shop.startBff();
    const old = (await first.sync()).next;
    await setPrice('p1', 1);
    await setPrice('p2', 2);
    const recent = (await first.sync()).next;
    await setPrice('p3', 3);
    await setPrice('p1', 4);
    const all = await shop.startBff();
    await all.applied();
    while ((await all.ask(old)).status === 503);
    assert.deepEqual(idsOf(await all.sync(old)), ['p2', 'p3', 'p1']);

    const some = await shop.startBff({ reachRecords: 2 });
    await some.applied();
    while ((await some.ask(old)).status === 503);
    assert.equal((await some.ask(old)).status, 410);
    assert.deepEqual(idsOf(await some.sync(recent)), ['p3', 'p1']);

    const { promise, resolve } = Promise.withResolvers<void>();
    const { range, read } = shop.hub;
    const past = { range, read: (...asked: Parameters<typeof read>) => promise.then(() => read(...asked)) };
    const reading = await shop.startBff({ past });
    await reading.applied();
    assert.deepEqual((await reading.ask(old)).status, 503);
    const { next } = await reading.sync();
    assert.deepEqual((await reading.sync(next)).changes, []);
    resolve();
    while ((await reading.ask(old)).status === 503);
    assert.deepEqual(idsOf(await reading.sync(old)), ['p2', 'p3', 'p1']);
  });
});

describe('What can not be synchronised', () => {
  it('is everything, where nobody says what changes in the catalogue', async () => {
    const alone = createTestBff(shop.urls);
    assert.equal((await supertest(alone.app).get('/api/v1/sync')).status, 501);
    await alone.close();
    const silent = await shop.startBff({ silent: ['catalog'] });
    await silent.applied();
    assert.equal((await silent.ask()).status, 501);
  });

  it('is a part whose changes nobody says: it is null and named, and the rest comes', async () => {
    const bff = await shop.startBff({ silent: ['inventory'] });
    const { changes, next, degraded } = await bff.sync();
    assert.deepEqual(degraded, ['inventory']);
    assert.ok(changes.every(({ data }) => data?.inStock === null && data.rating !== null));
    await setPrice('p1', 1);
    const { changes: later } = await bff.sync(next);
    assert.deepEqual(
      later.map(({ id, data }) => [id, data?.inStock]),
      [['p1', null]],
    );
  });

  it('is what changed, while the catalogue is not heard of; who starts is told everything', async () => {
    let passedMs = 0;
    const bff = await shop.startBff({ nodeNow: () => Date.now() + passedMs });
    const { next } = await bff.sync();
    passedMs = 4_000_000;
    const answer = await bff.ask(next);
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '1']);
    assert.deepEqual((await bff.sync()).degraded, ['inventory', 'reviews']);
  });

  it('is a part that fails: it is null and named, and comes again until it is whole', async () => {
    const bff = await shop.startBff();
    const { next: since } = await bff.sync();
    shop.setFault('reviews', 'fail');
    await setPrice('p7', 1);
    await addReview('p8', 1);
    await bff.applied();
    const failed = await bff.ask(since, '&limit=1');
    assert.deepEqual([idsOf(failed.body), failed.body.degraded], [['p7'], undefined]);
    const second = await bff.ask(failed.body.next, '&limit=1');
    assert.deepEqual(
      [idsOf(second.body), second.body.degraded, second.body.hasMore],
      [['p8'], ['reviews'], false],
    );
    assert.equal(second.body.changes[0].data.rating, null);
    assert.equal(second.headers['cache-control'], 'private, no-store');
    shop.setFault('reviews', undefined);
    const healed = await bff.sync(second.body.next);
    assert.deepEqual(idsOf(healed), ['p8']);
    assert.equal(healed.changes[0]?.data?.rating?.count, 4);
    assert.deepEqual((await bff.sync(healed.next)).changes, []);
  });

  it('is a part that fails for whoever starts: everything comes again, with what was deleted meanwhile', async () => {
    const bff = await shop.startBff();
    await bff.applied();
    shop.setFault('inventory', 'fail');
    const first = await bff.ask(undefined, '&limit=40');
    shop.setFault('inventory', undefined);
    assert.deepEqual(first.body.degraded, ['inventory']);
    await remove(first.body.changes[0].id);
    const rest = await bff.sync(first.body.next, '&limit=40');
    assert.equal(rest.changes.at(-1)?.op, 'delete');
    const again = await bff.sync(rest.next, '&limit=40');
    assert.equal(again.changes.length, 44);
    assert.ok(again.changes.every(({ data }) => data?.inStock !== null));
    assert.deepEqual((await bff.sync(again.next)).changes, []);
  });

  it('is the catalogue, while that fails', async () => {
    const bff = await shop.startBff();
    await bff.applied();
    shop.setFault('catalog', 'fail');
    assert.equal((await bff.ask()).status, 503);
  });
});

describe('Whoever asks', () => {
  it('is told the same with a token as without, in an answer that nobody else may keep', async () => {
    const issuer = await startTokenIssuer();
    const bff = await shop.startBff({ verifyToken: issuer.verify });
    await bff.applied();
    const visitor = await bff.ask(undefined, '&limit=2');
    const ada = await bff.ask(undefined, '&limit=2').set(issuer.ada);
    assert.deepEqual(ada.body, visitor.body);
    assert.match(String(ada.headers['cache-control']), /^private, no-store$/);
    await issuer.close();
  });
});
