import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import pg from 'pg';
import type { Capture } from './create-capture.ts';
import { parseLsn } from './log-position.ts';
import { ScriptedHub } from './scripted-hub.fixture.ts';
import { openShop, type Shop } from './shop.fixture.ts';

let postgres: TestPostgres;
let shop: Shop;
let hub: ScriptedHub;
const running = new Set<Capture>();

let sessions: [pg.Client, pg.Client];

before(async () => {
  postgres = await startPostgres({ databases: ['things'] });
  shop = await openShop(postgres.url, String(postgres.databases.things));
  const connectionString = String(postgres.databases.things);
  sessions = [new pg.Client({ connectionString }), new pg.Client({ connectionString })];
  await Promise.all(sessions.map((session) => session.connect()));
});
afterEach(stopAll);
after(async () => {
  await Promise.all(sessions.map((session) => session.end()));
  await shop?.close();
  await postgres?.stop();
});

async function stopAll() {
  await Promise.all([...running].map((capture) => capture.close()));
  running.clear();
}

/** Captures the shop; `hub` stays what it is. */
function start(options: Parameters<Shop['capture']>[1] = {}): Capture {
  const capture = shop.capture(hub, options);
  running.add(capture);
  return capture;
}

/** A hub that is new to the shop, and a capture that follows it, with nothing in the hub but the snapshot. */
async function startAnew(options: Parameters<Shop['capture']>[1] = {}): Promise<Capture> {
  hub = new ScriptedHub();
  const capture = start(options);
  await hub.until(() => capture.state.name === 'following');
  hub.records.length = 0;
  return capture;
}

/** Resolves when all that was committed before is in the hub, as progress says. */
async function caughtUp(): Promise<void> {
  const [last] = await shop.admin('select pg_current_xact_id()::text as xid');
  await hub.until(() => hub.progress !== undefined && BigInt(hub.progress.xmin) > BigInt(String(last?.xid)));
}

const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
const told = (events: readonly ChangeEvent[]) =>
  events.map(({ type, key }) => (type === 'everything-changed' ? key : `${type} ${key}`));

describe('What a source commits', { timeout: 30_000 }, () => {
  it('is in the hub as one record a transaction, in the order of commits, with its xid and time', async () => {
    await startAnew();
    const [clock] = await shop.sql('select extract(epoch from clock_timestamp()) * 1000 as ms');
    const [first] = await shop.sql(`with new as (insert into things (id) values ('a'), ('b') returning 1)
      select pg_current_xact_id()::text as xid from new`);
    await shop.sql(`update things set value = 2 where id = 'a'`);
    await shop.sql(`delete from things where id = 'b'`);
    await caughtUp();
    const [one, two, three, ...others] = hub.records;
    assert.deepEqual(others, []);
    assert.equal(one?.xid, first?.xid);
    assert.ok(Math.abs(Number(one?.committedAt) - Number(clock?.ms)) < 5_000);
    assert.deepEqual(told(one?.events ?? []), ['thing-changed a', 'thing-changed b']);
    const { before, after } = plain(two?.events[0]?.data);
    assert.deepEqual([before.value, after.value], [0, 2]);
    assert.deepEqual(plain(three?.events[0]?.data).after, null);
    assert.equal(new Set(hub.events.map(({ id }) => id)).size, 4);
  });

  it('has values as JSON has them, and times in ISO 8601', async () => {
    await startAnew();
    await shop.sql(`set timezone = 'Asia/Tokyo'`);
    await shop.sql(`insert into things values
      ('v', -1, 'ä\u{1F600}"', '2026-01-02 03:04:05.1+09', 9007199254740993, true, 12.50)`);
    await caughtUp();
    assert.deepEqual(plain(hub.events[0]?.data).after, {
      id: 'v',
      value: -1,
      text: 'ä\u{1F600}"',
      at: '2026-01-01T18:04:05.100Z',
      big: '9007199254740993',
      yes: true,
      amount: '12.50',
    });
  });

  it('tells both keys of a key change', async () => {
    await startAnew();
    await shop.sql(`insert into things (id) values ('old')`);
    await shop.sql(`update things set id = 'new' where id = 'old'`);
    await caughtUp();
    assert.deepEqual(told(hub.events), ['thing-changed old', 'thing-changed old', 'thing-changed new']);
  });

  it('keeps a large value that an update left alone', async () => {
    await startAnew();
    await shop.sql(`insert into things (id, text)
      select 'large', string_agg(md5(n::text), '') from generate_series(1, 5000) n`);
    await shop.sql(`update things set value = 7 where id = 'large'`);
    await caughtUp();
    const { before, after } = plain(hub.events[1]?.data);
    assert.equal(after.value, 7);
    assert.equal(after.text.length, 160_000);
    assert.equal(after.text, before.text);
  });

  it('goes on when a column is added', async () => {
    await startAnew();
    await shop.sql(`alter table things add column extra text default 'x'`);
    await shop.sql(`insert into things (id) values ('with-extra')`);
    await shop.sql(`alter table things drop column extra`);
    await shop.sql(`insert into things (id) values ('without')`);
    await caughtUp();
    assert.deepEqual(
      hub.events.map(({ data }) => plain(data).after.extra),
      ['x', undefined],
    );
  });

  it('is known also where a transaction names itself and changes nothing, and not where it is rolled back', async () => {
    await startAnew();
    const [named] = await shop.sql(
      `select pg_current_xact_id()::text as xid, pg_logical_emit_message(true, 'portico', '{}')`,
    );
    await shop.sql(`begin; insert into things (id) values ('never'); rollback`);
    await caughtUp();
    assert.deepEqual(
      hub.records.map(({ xid, events }) => [xid, events]),
      [[named?.xid, []]],
    );
  });

  it('is in the trace that its transaction names, if it names one', async () => {
    await startAnew();
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const commits = [{ traceparent }, { traceparent: 'nonsense' }, { more: { deep: '"' } }].map(
      (message, index) =>
        `begin; select pg_logical_emit_message(true, 'portico', '${JSON.stringify(message)}');
         insert into things (id) values ('t${index}'); commit`,
    );
    for (const commit of commits) await shop.sql(commit);
    await shop.sql(
      `select pg_logical_emit_message(true, 'portico-trace', '${JSON.stringify({ traceparent })}')`,
    );
    await shop.sql(
      `begin; select pg_logical_emit_message(true, 'portico-trace', '${JSON.stringify({ traceparent })}');
       insert into things (id) values ('t3'); commit`,
    );
    await caughtUp();
    assert.deepEqual(
      hub.events.map(({ key, traceparent: named }) => [key, named]),
      [
        ['t0', traceparent],
        ['t1', undefined],
        ['t2', undefined],
        ['t3', traceparent],
      ],
    );
    // Nothing but a trace is no commit that anybody waits for.
    assert.equal(hub.records.length, 4);
  });

  it('is everything after a TRUNCATE, and where a change has no words', async () => {
    let faults = 0;
    const metrics = { ...shop.captureOptions(new ScriptedHub()).metrics, notUnderstood: () => faults++ };
    await startAnew({ metrics });
    await shop.sql('truncate things');
    await shop.sql(`insert into things (id, text) values ('x', 'fine'), ('y', 'unspeakable')`);
    await shop.sql(`insert into things (id) values ('z')`);
    await caughtUp();
    assert.deepEqual(told(hub.events), ['truncated', 'not-understood', 'thing-changed z']);
    assert.equal(faults, 1);
  });

  it('is split above 512 kB into parts of one offset, which are appended together', async () => {
    await startAnew();
    const appended: number[] = [];
    hub.beforeAppend = (records) => void (records.length > 0 && appended.push(records.length));
    await shop.sql(
      `insert into things (id, text) select 'part' || n, repeat('x', 1000) from generate_series(1, 1500) n`,
    );
    await caughtUp();
    assert.deepEqual(
      hub.records.map(({ part }) => part),
      [1, 2, 3, 4].map((number) => ({ number, of: 4 })),
    );
    assert.equal(new Set(hub.records.map(({ offset, xid }) => `${offset.at} ${xid}`)).size, 1);
    assert.deepEqual(appended, [4]);
    assert.equal(new Set(hub.events.map(({ id }) => id)).size, 1_500);
  });
});

describe('Progress', { timeout: 30_000 }, () => {
  it('says an xmin above every transaction whose record is there, and never comes before it', async () => {
    await startAnew();
    const xids: bigint[] = [];
    const wrong: string[] = [];
    hub.afterAppend = () => {
      const known = new Set(hub.records.map(({ xid }) => xid));
      for (const xid of xids) {
        if (xid < BigInt(hub.progress?.xmin ?? 0) && !known.has(String(xid))) wrong.push(String(xid));
      }
    };
    for (let round = 0; round < 50; round++) {
      const writes = [1, 2, 3, 4].map((n) =>
        shop.sql(
          `insert into things (id) values ('p${round}.${n}') returning pg_current_xact_id()::text as xid`,
        ),
      );
      for (const [row] of await Promise.all(writes)) xids.push(BigInt(String(row?.xid)));
    }
    await caughtUp();
    assert.deepEqual(wrong, []);
    assert.equal(hub.records.length, 200);
  });

  it('lets go of the log while the database is idle', async () => {
    const capture = await startAnew();
    const slot = `select (restart_lsn - '0/0')::text as restart, (confirmed_flush_lsn - '0/0')::text as confirmed,
      (pg_current_wal_lsn() - '0/0')::text as now from pg_replication_slots where slot_name = 'portico_things'`;
    const [{ now }] = (await shop.admin(slot)) as [{ now: string }];
    let state = (await shop.admin(slot))[0];
    while (Number(state?.confirmed) <= Number(now) || Number(state?.restart) <= Number(now)) {
      await shop.admin('checkpoint');
      await caughtUp();
      [state] = await shop.admin(slot);
    }
    assert.deepEqual(hub.records, []);
    assert.equal(capture.state.name, 'following');
  });
});

describe('A commit that nobody sees yet', { timeout: 30_000 }, () => {
  it('waits, and what comes after it too, until everybody sees it', async () => {
    await startAnew();
    // The standby that the commit waits for doesn't exist: it is in the log, and nobody sees it.
    await shop.admin(`alter system set synchronous_standby_names = 'nobody'`);
    await shop.admin('select pg_reload_conf()');
    const hidden = await untilOneWaits((name) =>
      shop.sql(`set synchronous_commit = on; insert into things (id) values ('${name}')`),
    );
    await shop.sql(`set synchronous_commit = local; insert into things (id) values ('behind')`);
    const place = `select (pg_current_wal_flush_lsn() - '0/0')::text as place`;
    const [end] = await shop.admin(place);
    const sent = `select from pg_stat_replication where sent_lsn - '0/0' >= ${end?.place}`;
    while ((await shop.admin(sent)).length === 0);
    // Capture asks again and again whether it is visible.
    const asks = new Set<unknown>();
    const asking = `select query_start::text as at from pg_stat_activity where query like '%pg_visible_in_snapshot(xid%'
      and pid <> pg_backend_pid()`;
    while (asks.size < 10) for (const { at } of await shop.admin(asking)) asks.add(at);
    const seen = hub.events.map(({ key }) => key);
    assert.ok(!seen.includes(hidden.name) && !seen.includes('behind'));
    hub.records.length = 0;
    await shop.admin(`alter system reset synchronous_standby_names`);
    await shop.admin('select pg_reload_conf()');
    await hidden.commit;
    await caughtUp();
    assert.deepEqual(told(hub.events), [`thing-changed ${hidden.name}`, 'thing-changed behind']);
  });
});

/** Commits until one waits for a standby: the server takes up its new settings at some time. */
async function untilOneWaits(commit: (name: string) => Promise<unknown>) {
  for (let attempt = 1; ; attempt++) {
    const name = `hidden ${attempt}`;
    let isOver = false;
    const waiting = commit(name).then(() => {
      isOver = true;
    });
    const waits = `select from pg_stat_activity where wait_event = 'SyncRep'`;
    while (!isOver) if ((await shop.admin(waits)).length > 0) return { name, commit: waiting };
  }
}

describe('After a break', { timeout: 30_000 }, () => {
  it('commits come once each, whether an append failed before or after the hub stored it', async () => {
    await startAnew();
    for (const broken of ['before', 'after'] as const) {
      hub.records.length = 0;
      // Fails the append of the second of two commits, before or after it is stored.
      const fail = () => {
        if (hub.records.length < 1) return;
        hub.beforeAppend = hub.afterAppend = () => {};
        throw new Error('the hub is away');
      };
      hub.beforeAppend = async (records) => {
        if (broken === 'before' && records.length > 0) fail();
      };
      hub.afterAppend = () => {
        if (broken === 'after') fail();
      };
      await shop.sql(`insert into things (id) values ('${broken} 1')`);
      await hub.until(() => hub.records.length === 1);
      await shop.sql(`insert into things (id) values ('${broken} 2')`);
      await caughtUp();
      assert.deepEqual(told(hub.events), [`thing-changed ${broken} 1`, `thing-changed ${broken} 2`]);
    }
  });

  it('a commit comes that follows at once, in the log, on the last one that was acknowledged', async () => {
    // Without heartbeats, nothing else is written meanwhile.
    await startAnew({ heartbeatMs: 60_000 });
    await Promise.all(
      sessions.map((session, n) => session.query(`begin; insert into things (id) values ('adjacent ${n}')`)),
    );
    await sessions[0].query('commit');
    const at = await hub.until(() => hub.records[0]?.offset.at);
    const confirmed = `select from pg_replication_slots where slot_name = 'portico_things' and confirmed_flush_lsn - '0/0' = ${at}`;
    while ((await shop.admin(confirmed)).length === 0);
    await stopAll();
    await sessions[1].query('commit');
    start();
    await hub.until(() => hub.records.length === 2);
    const begin = hub.records[1]?.events[0]?.id.split('.').at(-2);
    assert.equal(String(parseLsn(String(begin))), at, 'nothing lies between the two');
    assert.deepEqual(told(hub.events), ['thing-changed adjacent 0', 'thing-changed adjacent 1']);
  });

  it('goes on where the hub ends, after a stop', async () => {
    await startAnew();
    for (let round = 0; round < 5; round++) {
      await shop.sql(`insert into things (id) values ('stop ${round} running')`);
      await hub.until(() => hub.events.length === 2 * round + 1);
      await stopAll();
      await shop.sql(`insert into things (id) values ('stop ${round} stopped')`);
      start();
      await hub.until(() => hub.events.length === 2 * round + 2);
    }
    await caughtUp();
    const expected = [0, 1, 2, 3, 4].flatMap((n) => [`stop ${n} running`, `stop ${n} stopped`]);
    assert.deepEqual(
      hub.events.map(({ key }) => key),
      expected,
    );
  });

  it('a second capture takes over, and the first one can not append any more', async () => {
    const first = await startAnew();
    const second = start();
    await hub.until(() => second.state.name === 'standby');
    await shop.sql(`insert into things (id) values ('by the first')`);
    await caughtUp();
    hub.takeAway();
    await hub.until(() => second.state.name === 'following');
    await shop.sql(`insert into things (id) values ('by the second')`);
    await caughtUp();
    assert.deepEqual(
      hub.events.map(({ key }) => key),
      ['by the first', 'by the second'],
    );
    await hub.until(() => first.state.name === 'standby');
  });
});
