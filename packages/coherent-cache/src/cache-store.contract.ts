import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { CacheStore } from './cache-store.ts';

/** How the contract gets a store of one kind. */
export interface StoreHarness {
  /** A store that is empty of the keys used here, and ready. */
  open(): Promise<CacheStore>;
  /** Comes back when the time of an entry, `ttlMs` from its `setMany`, is over. */
  untilOver(store: CacheStore, key: string, ttlMs: number): Promise<unknown>;
  /** Why this kind can't be tested here. */
  readonly skip?: string | undefined;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const hourMs = 3_600_000;

/** What every cache store does, whatever it is made of. */
export function describeCacheStore(kind: string, { open, untilOver, skip }: StoreHarness): void {
  describe(`a cache store in ${kind}`, { skip }, () => {
    const opened: CacheStore[] = [];
    const start = async () => {
      const store = await open();
      opened.push(store);
      return store;
    };
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });

    const set = (store: CacheStore, key: string, text: string, ttlMs = hourMs) =>
      store.setMany([{ key, bytes: bytesOf(text), ttlMs }]);
    const get = async (store: CacheStore, ...keys: string[]) =>
      (await store.getMany(keys)).map((bytes) => bytes && new TextDecoder().decode(bytes));

    test('gives what it was given, in the order of the keys, and undefined for the rest', async () => {
      const store = await start();
      await store.setMany(['a', 'b'].map((key) => ({ key, bytes: bytesOf(`is ${key}`), ttlMs: hourMs })));
      assert.deepEqual(await get(store, 'b', 'unknown', 'a', 'b'), ['is b', undefined, 'is a', 'is b']);
    });

    test('keeps every byte', async () => {
      const store = await start();
      const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      await store.setMany([
        { key: 'bytes', bytes, ttlMs: hourMs },
        { key: 'none', bytes: new Uint8Array(), ttlMs: hourMs },
      ]);
      const [all, none] = await store.getMany(['bytes', 'none']);
      assert.deepEqual(new Uint8Array(all ?? []), bytes);
      assert.equal(none?.byteLength, 0);
    });

    test('keeps its own copy of the bytes', async () => {
      const store = await start();
      const bytes = bytesOf('before');
      await store.setMany([{ key: 'copy', bytes, ttlMs: hourMs }]);
      bytes.fill(0);
      assert.deepEqual(await get(store, 'copy'), ['before']);
    });

    test('replaces what a key had', async () => {
      const store = await start();
      await set(store, 'twice', 'first');
      await set(store, 'twice', 'second');
      assert.deepEqual(await get(store, 'twice'), ['second']);
    });

    test('forgets an entry when its time is over, and no other', async () => {
      const store = await start();
      await set(store, 'long', 'still here');
      await set(store, 'short', 'gone soon', 50);
      await untilOver(store, 'short', 50);
      assert.deepEqual(await get(store, 'short', 'long'), [undefined, 'still here']);
    });

    test('leaves out an entry that has no time left', async () => {
      const store = await start();
      await store.setMany(
        [0, -1, -hourMs].map((ttlMs) => ({ key: `${ttlMs}`, bytes: bytesOf('late'), ttlMs })),
      );
      await set(store, 'in time', 'kept');
      assert.deepEqual(await get(store, '0', '-1', `-${hourMs}`, 'in time'), [
        undefined,
        undefined,
        undefined,
        'kept',
      ]);
    });

    test('takes any text as a key', async () => {
      const store = await start();
      const keys = ['with space', 'line\r\nfeed', 'grün 🍏', '{tag}', '*', 'k'.repeat(10_000), '__proto__'];
      await store.setMany(keys.map((key) => ({ key, bytes: bytesOf(`is ${key}`), ttlMs: hourMs })));
      assert.deepEqual(
        await get(store, ...keys),
        keys.map((key) => `is ${key}`),
      );
    });

    test('takes a thousand keys at once', async () => {
      const store = await start();
      const keys = Array.from({ length: 1_000 }, (_, number) => `key ${number}`);
      await store.setMany(keys.map((key) => ({ key, bytes: bytesOf(key), ttlMs: hourMs })));
      assert.deepEqual(await get(store, ...keys), keys);
    });

    test('takes nothing at all', async () => {
      const store = await start();
      await store.setMany([]);
      assert.deepEqual(await store.getMany([]), []);
    });

    test('has nothing left once it is closed, however often that is', async () => {
      const store = await start();
      await set(store, 'closed', 'value');
      await store.close();
      await store.close();
      assert.deepEqual(await get(store, 'closed'), [undefined]);
    });
  });
}
