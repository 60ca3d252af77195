import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDatabase, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import { type Kysely, sql, type Transaction } from 'kysely';
import {
  type ConsumerCursor,
  type CursorTables,
  CursorTaken,
  cursorMigration,
  tryTakeCursor,
} from './consumer-cursor.ts';
import { faultsMigration } from './consumer-faults.ts';
import { type DurableConsumerOptions, faultsOf, runDurableConsumer } from './durable-consumer.ts';
import { recordAt } from './event-hub.contract.ts';
import type { DurableEventHub, HubRecord, SourceWriter } from './event-hub.ts';
import { createPostgresEventHub } from './postgres-event-hub.ts';

interface Tables extends CursorTables {
  notes: { nth: number; at: number };
}

const leaseMs = 400;
const never = new AbortController().signal;
const server = await startPostgres({ databases: ['hub', 'shop'] });
const { hub: hubUrl = '', shop: shopUrl = '' } = server.databases;
const shop = createDatabase<Tables>(shopUrl, silentLogger);
const hubDatabase = createDatabase(hubUrl, silentLogger);
after(async () => {
  await shop.destroy();
  await hubDatabase.destroy();
  await server.stop();
});

let hub: DurableEventHub;
let writer: SourceWriter;
let stopping: AbortController;
const running: Promise<void>[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  for (const db of [shop, hubDatabase]) {
    await sql`drop schema public cascade`.execute(db);
    await sql`create schema public`.execute(db);
  }
  await migrateToLatest(shop, { '001-cursors': cursorMigration, '002-faults': faultsMigration });
  await sql`create table notes (nth serial, at bigint not null)`.execute(shop);
  hub = createPostgresEventHub({ url: hubUrl, log: silentLogger });
  writer = await hub.writer('catalog', never);
  stopping = new AbortController();
});
afterEach(async () => {
  stopping.abort();
  await Promise.all(running.splice(0));
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await hub.close();
});

const noteDown: DurableConsumerOptions<Tables>['handle'] = async (records, trx) => {
  for (const { offset } of records) await sql`insert into notes (at) values (${offset.at})`.execute(trx);
};

function consume(
  overrides: Partial<DurableConsumerOptions<Tables>> = {},
  signal = stopping.signal,
): Promise<void> {
  const options = {
    name: 'notes',
    hub,
    db: shop,
    handle: noteDown,
    reset: async () => {},
    log: silentLogger,
    leaseMs,
  };
  const run = runDurableConsumer<Tables>({ ...options, ...overrides }, signal);
  running.push(run);
  return run;
}

const notes = async () =>
  (await shop.selectFrom('notes').select('at').orderBy('nth').execute()).map(({ at }) => at);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

async function untilNoted(count: number): Promise<number[]> {
  for (;;) {
    const noted = await notes();
    if (noted.length >= count) return noted;
  }
}

/** A consumer begins where the log ends at its reset; here it shall have all. */
async function startedAtBegin(): Promise<void> {
  const first = new AbortController();
  const reset = new Promise<void>((resolve) => {
    consume({ reset: async () => resolve() }, first.signal);
  });
  await reset;
  await writer.append([recordAt('catalog', 1)]);
  await untilNoted(1);
  first.abort();
  await Promise.all(running.splice(0));
}

describe('a durable consumer', () => {
  test('makes its data anew at its first start, and goes on from the end that the log had', async () => {
    await writer.append([recordAt('catalog', 1), recordAt('catalog', 2)]);
    let resets = 0;
    const reset = async (trx: Parameters<typeof noteDown>[1]) => {
      resets += 1;
      if (resets === 1) void writer.append([recordAt('catalog', 3)]);
      await sql`insert into notes (at) values (-1)`.execute(trx);
    };
    consume({ reset });
    assert.deepEqual(await untilNoted(2), [-1, 3]);
    assert.equal(resets, 1);
  });

  test('goes on where it was, after a stop', async () => {
    await startedAtBegin();
    await writer.append([recordAt('catalog', 2), recordAt('catalog', 3)]);
    consume({ reset: () => assert.fail('it has a position') });
    assert.deepEqual(await untilNoted(3), [1, 2, 3]);
  });

  test('is given the records of the sources that it names, told how far it is, and passes the others', async () => {
    await startedAtBegin();
    const stock = await hub.writer('inventory', never);
    const said: string[] = [];
    consume({ sources: ['catalog'], onSaid: (source) => said.push(source) });
    await stock.append([recordAt('inventory', 101)]);
    await writer.append([recordAt('catalog', 2)]);
    await stock.append([recordAt('inventory', 102)]);
    await writer.append([recordAt('catalog', 3)]);
    assert.deepEqual(await untilNoted(3), [1, 2, 3]);
    while (said.length < 4) await untilNoted(3);
    assert.deepEqual(said, ['inventory', 'catalog', 'inventory', 'catalog']);
  });

  test('stops where what it needs is away, and sets nothing aside for that', async () => {
    await startedAtBegin();
    let failures = 0;
    const handle: typeof noteDown = async (records: readonly HubRecord[], trx) => {
      await noteDown(records, trx);
      if (records.some(({ offset }) => offset.at === '2') && failures < 3) {
        failures += 1;
        throw failures === 1
          ? new TypeError('fetch failed', { cause: 'nobody answers' })
          : new Error('not yet');
      }
    };
    consume({ handle });
    await writer.append([recordAt('catalog', 2)]);
    await writer.append([recordAt('catalog', 3)]);
    assert.deepEqual(await untilNoted(3), [1, 2, 3]);
    assert.equal(failures, 3);
    assert.deepEqual(await shop.selectFrom('hub_faults').selectAll().execute(), []);
  });

  describe('with an event that it does not understand', () => {
    /** As `noteDown`, with a mistake at these places. */
    const failsAt =
      (...places: number[]): typeof noteDown =>
      async (records, trx) => {
        await noteDown(records, trx);
        const poison = records.find(({ offset }) => places.includes(Number(offset.at)));
        if (poison !== undefined) throw new TypeError(`no idea of ${poison.offset.at}`);
      };
    const now = () => Date.UTC(2026, 0, 1);
    const optionsOf = (handle: typeof noteDown, build: string) => ({
      name: 'notes',
      hub,
      db: shop,
      handle,
      reset: async () => {},
      log: silentLogger,
      build,
      now,
    });
    const deskOf = (handle = noteDown, build = 'b2') => faultsOf<Tables>(optionsOf(handle, build));
    const recordOf = (at: number, key: string, type = 'thing-changed') =>
      recordAt('catalog', at, { events: [{ id: `e${at}`, type, key, data: { before: null, after: at } }] });

    test('sets it aside with those of its unit behind it, and the others go on', async () => {
      await startedAtBegin();
      const metrics = createMetrics('test');
      consume({ handle: failsAt(3), build: 'b1', now, metrics });
      await writer.append([recordOf(2, 'a'), recordOf(3, 'a'), recordOf(4, 'b'), recordOf(5, 'a')]);
      await writer.append([recordOf(6, 'a'), recordOf(7, 'b')]);
      assert.deepEqual(await untilNoted(4), [1, 2, 4, 7]);
      const [{ id } = { id: '' }, ...others] = await deskOf().list();
      assert.deepEqual(others, []);
      const { error, position, event, ...fault } = (await deskOf().show(id)) ?? {};
      assert.deepEqual(fault, {
        id,
        consumer: 'notes',
        codeVersion: 'build b1',
        source: 'catalog',
        keys: ['a'],
        firstAt: '2026-01-01T00:00:00.000Z',
        lastAt: '2026-01-01T00:00:00.000Z',
        tries: 1,
        waiting: 2,
      });
      assert.deepEqual(
        [error?.message, position?.number, event],
        ['no idea of 3', 3, recordOf(3, 'a').events[0]],
      );
      assert.match(await metrics.registry.metrics(), /^portico_faults\{.*consumer="notes".*\} 1$/m);
    });

    test('takes it again with those behind it, in their order and once, however many ask at once', async () => {
      await startedAtBegin();
      consume({ handle: failsAt(2) });
      await writer.append([2, 3, 4].map((at) => recordOf(at, 'a')));
      while ((await deskOf().list())[0]?.waiting !== 2);
      const [{ id } = { id: '' }] = await deskOf().list();
      assert.deepEqual(await deskOf(failsAt(2)).resubmit(id), { applied: 0, left: [id] });
      const [again] = await deskOf().list();
      assert.deepEqual([again?.tries, again?.codeVersion, again?.waiting], [2, 'build b2', 2]);
      const going = writer.append([recordOf(5, 'a'), recordOf(6, 'b')]);
      const all = await Promise.all([1, 2, 3].map(() => deskOf().resubmit(id)));
      await going;
      const noted = await untilNoted(6);
      assert.equal(all.filter((resolution) => resolution !== undefined).length, 1);
      assert.deepEqual(noted.toSorted(), upTo(6));
      assert.deepEqual(
        noted.filter((at) => at !== 6),
        upTo(5),
      );
      assert.deepEqual(await deskOf().list(), []);
    });

    test('leaves it out for good when it is discarded; the next that fails behind it is the next fault', async () => {
      await startedAtBegin();
      consume({ handle: failsAt(2, 4) });
      await writer.append([2, 3, 4, 5].map((at) => recordOf(at, 'a')));
      while ((await deskOf().list())[0]?.waiting !== 3);
      const [{ id } = { id: '' }] = await deskOf().list();
      const { applied, left = [] } = (await deskOf(failsAt(2, 4)).discard(id)) ?? {};
      const [next] = await deskOf().list();
      assert.deepEqual([applied, left, next?.event.id, next?.waiting], [1, [next?.id], 'e4', 1]);
      assert.equal(await deskOf().discard(id), undefined);
      assert.deepEqual(await deskOf().resubmit(String(next?.id)), { applied: 2, left: [] });
      assert.deepEqual(await notes(), [1, 3, 4, 5]);
    });

    test('does the same for what the database refuses, and ends the fault when all comes anew', async () => {
      await startedAtBegin();
      const refused: typeof noteDown = async (records, trx) => {
        await noteDown(records, trx);
        const isPoison = records.some(({ events }) => events.some(({ key }) => key === 'a'));
        if (isPoison) await sql`select 'many'::int`.execute(trx);
      };
      consume({ handle: refused });
      await writer.append([recordOf(2, 'a'), recordOf(3, 'b')]);
      assert.deepEqual(await untilNoted(2), [1, 3]);
      assert.equal((await deskOf().list()).length, 1);
      await writer.append([recordOf(4, 'snapshot-begun', 'everything-changed'), recordOf(5, 'b')]);
      assert.deepEqual(await untilNoted(4), [1, 3, 4, 5]);
      assert.deepEqual(await deskOf().list(), []);
    });
  });

  test('makes its data anew when the hub is another one than it was', async () => {
    await startedAtBegin();
    await hub.renewEpoch();
    const reset = async (trx: Parameters<typeof noteDown>[1]) => {
      await sql`delete from notes`.execute(trx);
      await sql`insert into notes (at) values (-1)`.execute(trx);
    };
    consume({ reset });
    while ((await notes())[0] !== -1);
    await writer.append([recordAt('catalog', 2)]);
    assert.deepEqual(await untilNoted(2), [-1, 2]);
  });

  test('the hub keeps what it still needs', async () => {
    await startedAtBegin();
    await writer.append([recordAt('catalog', 2), recordAt('catalog', 3)]);
    await hub.trim(Number.MAX_SAFE_INTEGER);
    consume({ reset: () => assert.fail('nothing is gone') });
    assert.deepEqual(await untilNoted(3), [1, 2, 3]);
  });

  test('of two instances one is active, and the other takes over', async () => {
    await startedAtBegin();
    const active: string[] = [];
    const [one, two] = [new AbortController(), new AbortController()];
    const named =
      (name: string): typeof noteDown =>
      (records, trx) => {
        active.push(name);
        return noteDown(records, trx);
      };
    consume({ handle: named('one') }, one.signal);
    await writer.append([recordAt('catalog', 2)]);
    await untilNoted(2);
    const second = consume({ handle: named('two') }, two.signal);
    for (const at of [3, 4, 5]) await writer.append([recordAt('catalog', at)]);
    await untilNoted(5);
    one.abort();
    await writer.append([recordAt('catalog', 6)]);
    assert.deepEqual(await untilNoted(6), upTo(6));
    assert.deepEqual(active.at(-1), 'two');
    assert.ok(active.slice(0, -1).every((name) => name === 'one'));
    two.abort();
    await second;
  });

  test('does nothing more once another instance has taken its place', async () => {
    const db = shop as unknown as Kysely<CursorTables>;
    const first = await tryTakeCursor(db, 'notes', 100);
    let second: ConsumerCursor | undefined;
    while (second === undefined) second = await tryTakeCursor(db, 'notes', leaseMs);
    const work = async (trx: Transaction<CursorTables>) => {
      await sql`insert into notes (at) values (1)`.execute(trx);
    };
    await assert.rejects(first?.move({ epoch: 'e', number: 1 }, work) ?? Promise.resolve(), CursorTaken);
    assert.deepEqual(await notes(), []);
    await second.move({ epoch: 'e', number: 1 }, work);
    assert.deepEqual(await notes(), [1]);
  });

  test('brings about each record once, whether its process is killed or paused in its transaction', async () => {
    await startedAtBegin();
    const program = fileURLToPath(new URL('durable-consumer.fixture.ts', import.meta.url));
    const begin = () => {
      const child = fork(program, [hubUrl, shopUrl, String(leaseMs)], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      children.push(child);
      return child;
    };
    let at = 1;
    const appendSome = async () => {
      const next = upTo(20).map((nth) => recordAt('catalog', at + nth));
      await writer.append(next);
      at += next.length;
    };
    for (const signal of ['SIGKILL', 'SIGSTOP', 'SIGKILL', 'SIGSTOP', 'SIGKILL'] as const) {
      const child = begin();
      const handling = once(child, 'message');
      await appendSome();
      await handling;
      child.kill(signal);
    }
    begin();
    await appendSome();
    // Those that were paused go on in the middle of what they did.
    for (const child of children) child.kill('SIGCONT');
    await untilNoted(at);
    await appendSome();
    assert.deepEqual(await untilNoted(at), upTo(at));
  });
});
