import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { countingContext, countingView, recordOf } from './counting-view.fixture.ts';
import { foldRecords, keysOfRecords, OtherEpoch, startOf } from './fold-records.ts';
import type { ViewStore } from './view-store.ts';

type Counts = ViewStore<{ readonly count: number; readonly last: number }>;

/** How the contract gets a store of one kind. */
export interface ViewStoreHarness {
  /** An empty store, as often as it is asked for by those who share it. */
  open(): Promise<() => Counts>;
  /** Why this kind can't be tested here. */
  readonly skip?: string | undefined;
}

/** What every store of a view does, whatever it is made of. */
export function describeViewStore(kind: string, { open, skip }: ViewStoreHarness): void {
  describe(`a view in ${kind}`, { skip }, () => {
    const begin = async (store: Counts, epoch = 'e1') =>
      store.update([], () => ({
        cursor: startOf(countingView, epoch, 1),
        isCleared: true,
        states: new Map(),
      }));
    const fold = async (store: Counts, records: Parameters<typeof keysOfRecords>[1], epoch = 'e1') =>
      store.update(keysOfRecords(countingView, records), (stored) =>
        foldRecords(countingView, records, epoch, stored, countingContext),
      );
    const countOf = async (store: Counts, key: string) => (await store.read([key])).states.get(key)?.count;

    test('has no cursor and no states before the first update', async () => {
      const store = (await open())();
      assert.deepEqual(await store.read(['a']), { cursor: undefined, states: new Map() });
    });

    test('moves the cursor with what the records brought about, and gives both at once', async () => {
      const store = (await open())();
      await begin(store);
      const cursor = await fold(store, [recordOf(1, 'a'), recordOf(2, 'b'), recordOf(3, 'a')]);
      assert.deepEqual(cursor?.position.number, 3);
      const read = await store.read(['a', 'b', 'c', 'cursor']);
      assert.deepEqual(read.cursor, cursor);
      const states = { a: { count: 2, last: 3 }, b: { count: 1, last: 2 } };
      assert.deepEqual(Object.fromEntries(read.states), states);
    });

    test('takes records that come again as nothing', async () => {
      const store = (await open())();
      await begin(store);
      await fold(store, [recordOf(1, 'a'), recordOf(2, 'a')]);
      await fold(store, [recordOf(1, 'a')]);
      const cursor = await fold(store, [recordOf(2, 'a'), recordOf(3, 'a')]);
      assert.equal(await countOf(store, 'a'), 3);
      assert.equal(cursor?.position.number, 3);
    });

    test('takes each record once, however many instances bring it at the same moment', async () => {
      const connect = await open();
      const stores = [connect(), connect(), connect()];
      await begin(connect());
      for (let number = 1; number <= 30; number += 1) {
        await Promise.all(stores.map((store) => fold(store, [recordOf(number, 'a')])));
      }
      assert.equal(await countOf(connect(), 'a'), 30);
    });

    test('lets one of several updates from the same cursor count, and asks the others again', async () => {
      const connect = await open();
      const stores = [connect(), connect(), connect()];
      await begin(connect());
      const oneMore = (store: Counts) =>
        store.update(['a'], ({ cursor, states }) => {
          const number = (cursor?.position.number ?? 0) + 1;
          const count = (states.get('a')?.count ?? 0) + 1;
          const position = { epoch: 'e1', number };
          return {
            cursor: { position, gaps: {} },
            isCleared: false,
            states: new Map([['a', { count, last: number }]]),
          };
        });
      await Promise.all(Array.from({ length: 20 }, () => stores.map(oneMore)).flat());
      assert.equal(await countOf(connect(), 'a'), 60);
    });

    test('leaves everything as it was when the records are of another log', async () => {
      const store = (await open())();
      await begin(store);
      await fold(store, [recordOf(1, 'a')]);
      const before = await store.read(['a', 'b']);
      await assert.rejects(fold(store, [recordOf(2, 'b')], 'e2'), OtherEpoch);
      assert.deepEqual(await store.read(['a', 'b']), before);
    });

    test('keeps what is set aside with the cursor, whoever brings it, until it is taken off or all is cleared', async () => {
      const connect = await open();
      const [store, other] = [connect(), connect()];
      await begin(store);
      const records = [recordOf(1, 'a', 'poison'), recordOf(2, 'a'), recordOf(3, 'b')];
      await Promise.all([fold(store, records), fold(other, records)]);
      const { cursor, aside: none } = await other.readAside([]);
      assert.equal(none.size, 0);
      const [id = '', ...others] = Object.keys(cursor?.faults ?? {});
      assert.deepEqual(others, []);
      const names = [`${id}:0`, `${id}:1`, `${id}:2`, 'cursor', 'state:b'];
      const numbers = async () =>
        [...(await other.readAside(names)).aside].map(([name, { event }]) => [name, event.id]);
      assert.deepEqual(await numbers(), [
        [`${id}:0`, '1'],
        [`${id}:1`, '2'],
      ]);
      assert.deepEqual([...(await other.read(['a', 'b', `${id}:0`])).states.keys()], ['b']);
      await store.update([], ({ cursor: now }) => ({
        cursor: now ?? startOf(countingView, 'e1', 1),
        isCleared: false,
        states: new Map(),
        aside: new Map([[`${id}:0`, null]]),
      }));
      assert.deepEqual(await numbers(), [[`${id}:1`, '2']]);
      await fold(store, [recordOf(4, 'truncated', 'everything-changed')]);
      assert.deepEqual(await numbers(), []);
      assert.equal((await store.read([])).cursor?.faults, undefined);
    });

    test('is empty after a truncation, and is not whole while a snapshot comes or something is lost', async () => {
      const store = (await open())();
      await begin(store);
      const everything = (number: number, cause: string) => recordOf(number, cause, 'everything-changed');
      const gaps = async () => (await store.read([])).cursor?.gaps;
      await fold(store, [recordOf(1, 'a'), everything(2, 'truncated'), recordOf(3, 'b')]);
      assert.deepEqual([...(await store.read(['a', 'b'])).states.keys()], ['b']);
      assert.deepEqual(await gaps(), {});
      await fold(store, [everything(4, 'lost')]);
      assert.deepEqual(await gaps(), { orders: 'lost' });
      await fold(store, [everything(5, 'snapshot-ended')]);
      assert.deepEqual(await gaps(), { orders: 'lost' });
      await fold(store, [everything(6, 'snapshot-begun'), recordOf(7, 'a')]);
      assert.deepEqual(await gaps(), { orders: 'snapshot' });
      await fold(store, [everything(8, 'snapshot-ended')]);
      assert.deepEqual(await gaps(), {});
      assert.deepEqual([...(await store.read(['a', 'b'])).states.keys()], ['a']);
    });

    const anew = async (store: Counts, records: Parameters<typeof keysOfRecords>[1], epoch = 'e1') => {
      const beside = store.beside();
      const cursor = startOf(countingView, epoch, 1);
      await beside.update([], () => ({ cursor, isCleared: true, states: new Map() }));
      await beside.update(keysOfRecords(countingView, records), (stored) =>
        foldRecords(countingView, records, epoch, stored, countingContext),
      );
      return beside;
    };

    test('is not touched by what is built beside it, until that takes over as a whole', async () => {
      const connect = await open();
      const store = connect();
      await begin(store);
      await fold(store, [recordOf(1, 'old'), recordOf(2, 'a')]);
      const beside = await anew(store, [recordOf(1, 'a'), recordOf(2, 'a'), recordOf(3, 'b')]);
      const dropped = await anew(store, [recordOf(1, 'never')]);
      assert.deepEqual([await countOf(store, 'old'), await countOf(store, 'a')], [1, 1]);
      await dropped.drop();
      assert.equal(await beside.takeOver(), true);
      await beside.drop();
      const { cursor, states } = await connect().read(['old', 'a', 'b', 'never']);
      assert.equal(cursor?.position.number, 3);
      const now = { a: { count: 2, last: 2 }, b: { count: 1, last: 3 } };
      assert.deepEqual(Object.fromEntries(states), now);
      await fold(store, [recordOf(3, 'b'), recordOf(4, 'a')]);
      assert.deepEqual([await countOf(store, 'a'), await countOf(store, 'b')], [3, 1]);
      await fold(store, [recordOf(5, 'truncated', 'everything-changed'), recordOf(6, 'b')]);
      assert.deepEqual([await countOf(store, 'a'), await countOf(store, 'b')], [undefined, 1]);
    });

    test('is not replaced by what is behind it in the same log, but by what is of another one', async () => {
      const store = (await open())();
      await begin(store);
      await fold(store, [recordOf(1, 'a'), recordOf(2, 'a')]);
      const behind = await anew(store, [recordOf(1, 'b')]);
      assert.equal(await behind.takeOver(), false);
      assert.equal(await countOf(store, 'a'), 2);
      const other = await anew(store, [recordOf(1, 'c')], 'e2');
      assert.equal(await other.takeOver(), true);
      const { cursor, states } = await store.read(['a', 'c']);
      assert.deepEqual([cursor?.position.epoch, [...states.keys()]], ['e2', ['c']]);
    });
  });
}
