import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { NewSession, RemovedSession, SessionStore } from './session-store.ts';

/**
 * What every store of sessions does. Ids are random, so that a store may be used by several tests.
 * @param open gives a store that is ready, and the same one as others see it
 */
export function sessionStoreContract(
  name: string,
  open: () => Promise<SessionStore>,
  skip: string | false = false,
): void {
  const check = (sentence: string, body: (store: SessionStore) => Promise<void>) =>
    test(`${name}: ${sentence}`, { skip }, async () => body(await open()));

  check('a session is read as it was made, by its id alone', async (store) => {
    const made = newSession({ sealed: 'the content' });
    await store.create(made);
    const { expiresAt } = made;
    assert.deepEqual(await store.read(made.id), { sealed: 'the content', version: 1, expiresAt });
    assert.equal(await store.read(randomUUID()), undefined);
  });

  check('it changes only when it is still of the version that was read', async (store) => {
    const { id } = await create(store);
    assert.equal(await store.replace(id, 1, 'second'), true);
    assert.equal(await store.replace(id, 1, 'late'), false);
    assert.equal(await store.replace(id, 7, 'foreign'), false);
    assert.equal((await store.read(id))?.sealed, 'second');
    assert.equal((await store.read(id))?.version, 2);
    await store.remove(id);
    assert.equal(await store.replace(id, 2, 'after its end'), false);
    assert.equal(await store.read(id), undefined);
  });

  check('of many who replace the same version one does', async (store) => {
    const { id } = await create(store);
    const replaced = await Promise.all(
      Array.from({ length: 20 }, (_, n) => store.replace(id, 1, `content ${n}`)),
    );
    assert.equal(replaced.filter((done) => done).length, 1);
    assert.equal((await store.read(id))?.sealed, `content ${replaced.indexOf(true)}`);
  });

  check('its end can be put off, up to a limit, and never comes back', async (store) => {
    const made = await create(store, { endsAt: Date.now() + 100_000 });
    await store.touch(made.id, made.expiresAt + 1_000);
    assert.equal((await store.read(made.id))?.expiresAt, made.expiresAt + 1_000);
    await store.touch(made.id, made.endsAt + 1_000);
    assert.equal((await store.read(made.id))?.expiresAt, made.endsAt);
    assert.equal((await store.read(made.id))?.version, 1);
    await store.remove(made.id);
    await store.touch(made.id, made.endsAt);
    assert.equal(await store.read(made.id), undefined);
  });

  check('it is gone when its time is over', async (store) => {
    const { id } = await create(store, { expiresAt: Date.now() + 1 });
    while ((await store.read(id)) !== undefined) await nextTurn();
    assert.equal(await store.remove(id), undefined);
    assert.equal(await store.replace(id, 1, 'late'), false);
  });

  check('of several, it is told which are not there', async (store) => {
    const [one, two] = [await create(store), await create(store)];
    const never = randomUUID();
    await store.remove(two.id);
    assert.deepEqual(await store.missing([one.id, two.id, never]), [two.id, never]);
    assert.deepEqual(await store.missing([]), []);
  });

  check('it is removed once', async (store) => {
    const { id, sealed } = await create(store);
    assert.deepEqual([await store.remove(id), await store.remove(id)], [sealed, undefined]);
  });

  check('those of a group are removed together, and no others', async (store) => {
    const [user, signIn] = [randomUUID(), randomUUID()];
    const one = await create(store, { groups: [user, signIn] });
    const two = await create(store, { groups: [user] });
    const other = await create(store, { groups: [randomUUID()] });
    const removed = async (group: string) =>
      (await removeGroup(store, group)).map(({ id, sealed }) => [id, sealed]);
    assert.deepEqual(await removed(signIn), [[one.id, one.sealed]]);
    assert.deepEqual(await removed(user), [[two.id, two.sealed]]);
    assert.deepEqual(await removeGroup(store, user), []);
    assert.ok(await store.read(other.id));
  });

  check('one that ends early keeps no other out of their group', async (store) => {
    const group = randomUUID();
    const long = await create(store, { groups: [group] });
    const soon = Date.now() + 1;
    const short = await create(store, { groups: [group], expiresAt: soon, endsAt: soon });
    while ((await store.read(short.id)) !== undefined) await nextTurn();
    const removed = await removeGroup(store, group);
    assert.deepEqual(
      removed.map(({ id }) => id),
      [long.id],
    );
  });

  check('a group that was removed takes those with it whose sign-in had begun before', async (store) => {
    const [user, signIn] = [randomUUID(), randomUUID()];
    const begunAt = Date.now() - 1;
    assert.deepEqual(await removeGroup(store, user), []);
    const late = newSession({ groups: [signIn, user], begunAt });
    assert.equal(await store.create(late), false);
    assert.equal(await store.read(late.id), undefined);
    await create(store, { groups: [signIn], begunAt });
    await create(store, { groups: [user], begunAt: Date.now() + 1 });
    assert.equal((await removeGroup(store, user, 1)).length, 1);
    while (!(await store.create(newSession({ groups: [user], begunAt })))) await nextTurn();
  });

  check('whatever is made while its group is removed is gone, or was never there', async (store) => {
    for (let round = 0; round < 50; round += 1) {
      const group = randomUUID();
      const session = newSession({ groups: [group], begunAt: Date.now() - 1 });
      // Either of the two begins, by so many turns.
      const after = async <T>(turns: number, operation: () => Promise<T>) => {
        for (let turn = 0; turn < turns; turn += 1) await nextTurn();
        return operation();
      };
      const ahead = (round % 11) - 5;
      const [created, removed] = await Promise.all([
        after(ahead, () => store.create(session)),
        after(-ahead, () => removeGroup(store, group)),
      ]);
      assert.equal(await store.read(session.id), undefined, `round ${round}`);
      // One of the two has noticed at least.
      assert.ok(!created || removed.length === 1, `round ${round}`);
    }
  });

  check('a name is leased to one at a time, until it is given back or the time is over', async (store) => {
    const name = randomUUID();
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, n) => store.lease(name, `holder ${n}`, 60_000)),
    );
    assert.equal(taken.filter((done) => done).length, 1);
    await store.release(name, 'somebody else');
    assert.equal(await store.lease(name, 'next', 60_000), false);
    await store.release(name, `holder ${taken.indexOf(true)}`);
    assert.equal(await store.lease(name, 'next', 1), true);
    while (!(await store.lease(name, 'last', 60_000))) await nextTurn();
    // The one whose time was over gives back what it has no more.
    await store.release(name, 'next');
    assert.equal(await store.lease(name, 'another', 60_000), false);
  });
}

function newSession(given: Partial<NewSession> = {}): NewSession {
  const now = Date.now();
  return {
    id: randomUUID(),
    sealed: 'sealed',
    expiresAt: now + 60_000,
    endsAt: now + 600_000,
    groups: [],
    begunAt: now,
    ...given,
  };
}

async function create(store: SessionStore, given?: Partial<NewSession>): Promise<NewSession> {
  const session = newSession(given);
  assert.equal(await store.create(session), true);
  return session;
}

async function removeGroup(store: SessionStore, group: string, markMs = 60_000): Promise<RemovedSession[]> {
  const removed: RemovedSession[] = [];
  await store.removeGroup(group, markMs, (session) => removed.push(session));
  return removed;
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
