import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import type { Capture } from './create-capture.ts';
import { resnapshot } from './resnapshot.ts';
import { ScriptedHub } from './scripted-hub.fixture.ts';
import { dropSlot, openShop, type Shop } from './shop.fixture.ts';

/** What breaks a source, while it is captured or not, what `/readyz` says then, and what heals it. */
interface Break {
  readonly name: string;
  /** What is done, as a superuser. */
  readonly breaks: string;
  readonly says: RegExp;
  /** As a superuser, before `resnapshot` where that is the cure. */
  readonly heals: string;
  readonly resnapshot: boolean;
  /** Whether it can be done while it is captured, and is noticed then. */
  readonly live: boolean;
}

const resnapshots = /run: portico capture resnapshot things$/;

const breaks: readonly Break[] = [
  {
    name: 'its slot is missing',
    breaks: dropSlot,
    says: resnapshots,
    heals: 'select 1',
    resnapshot: true,
    live: false,
  },
  {
    name: 'its slot was made anew',
    breaks: `${dropSlot} select pg_create_logical_replication_slot('portico_things', 'pgoutput')`,
    says: resnapshots,
    heals: 'select 1',
    resnapshot: true,
    live: false,
  },
  {
    name: 'its slot was moved past what the hub has',
    breaks: `insert into things (id) values ('skipped'); select pg_replication_slot_advance('portico_things', pg_current_wal_lsn())`,
    says: resnapshots,
    heals: 'select 1',
    resnapshot: true,
    live: false,
  },
  {
    name: 'its publication is missing',
    breaks: 'drop publication portico',
    says: /publication/,
    heals: 'create publication portico for table things',
    resnapshot: true,
    live: true,
  },
  {
    name: 'its publication was away for a change',
    breaks: `drop publication portico; insert into things (id) values (gen_random_uuid()); create publication portico for table things`,
    says: resnapshots,
    heals: 'select 1',
    resnapshot: true,
    live: true,
  },
  {
    name: 'its publication lacks a table',
    breaks: 'alter publication portico drop table things',
    says: /publication/,
    heals: 'alter publication portico add table things',
    resnapshot: true,
    live: true,
  },
  {
    name: 'its publication leaves out deletes',
    breaks: `alter publication portico set (publish = 'insert, update')`,
    says: /publication/,
    heals: `alter publication portico set (publish = 'insert, update, delete, truncate')`,
    resnapshot: true,
    live: true,
  },
  {
    name: 'a table is made anew',
    breaks: `alter table things rename to things_before; create table things (like things_before including all);
      alter table things replica identity full; alter table things owner to things; drop table things_before;
      alter publication portico add table things; grant select on things to capture_of_things`,
    says: resnapshots,
    heals: 'select 1',
    resnapshot: true,
    live: true,
  },
  {
    name: 'a table has no whole rows in the log',
    breaks: `alter table things replica identity default; insert into things (id) values (gen_random_uuid())`,
    says: /replica identity full/,
    heals: 'alter table things replica identity full',
    resnapshot: true,
    live: true,
  },
  {
    name: 'a table may not be read',
    breaks: 'revoke select on things from capture_of_things',
    says: /grant select on things/,
    heals: 'grant select on things to capture_of_things',
    resnapshot: false,
    live: false,
  },
  {
    name: 'its role may not replicate',
    breaks: 'alter role capture_of_things noreplication',
    says: /attributes LOGIN and REPLICATION/,
    heals: 'alter role capture_of_things replication',
    resnapshot: false,
    live: false,
  },
];

describe('A source is stopped, says what to do, and goes on after it, when', { timeout: 60_000 }, () => {
  let postgres: TestPostgres;
  let shop: Shop;
  let hub: ScriptedHub;
  let capture: Capture;
  let wrote = 0;

  before(async () => {
    postgres = await startPostgres({ databases: ['things'] });
    shop = await openShop(postgres.url, String(postgres.databases.things));
    hub = new ScriptedHub();
  });
  after(async () => {
    await capture.close();
    await shop.close();
    await postgres.stop();
  });

  const stateIs = async (name: string) => {
    while (capture.state.name !== name) await shop.sql('select pg_sleep(0.01)');
  };
  /** Writes a row and waits for its event: then nothing is left of what was before. */
  const isFollowed = async () => {
    wrote += 1;
    await shop.sql(`insert into things (id) values ('after ${wrote}')`);
    await hub.until(() => hub.events.some(({ key }) => key === `after ${wrote}`));
  };

  /** The server lets go of a slot a moment after its reader has left. */
  const slotIsFree = async () => {
    const active = `select 1 from pg_replication_slots where slot_name = 'portico_things' and active`;
    while ((await shop.admin(active)).length > 0) await shop.sql('select pg_sleep(0.01)');
  };

  for (const { name, breaks: statements, says, heals, live, resnapshot: isCure } of breaks) {
    for (const how of live ? ['while it is captured', 'while it is not'] : ['while it is not']) {
      it(`${name}, ${how}`, async () => {
        capture ??= shop.capture(hub);
        await stateIs('following');
        await isFollowed();
        if (how === 'while it is not') {
          await capture.close();
          await slotIsFree();
        }
        await shop.admin(statements);
        if (how === 'while it is not') capture = shop.capture(hub);
        await stateIs('stopped');
        assert.match(String(capture.state.problem), says);
        assert.ok(!capture.state.problem?.includes('postgres:'), 'no URL is told');
        const events = hub.events.length;
        await shop.admin(heals);
        if (isCure) {
          await shop.sql('select pg_sleep(0.05)');
          assert.equal(capture.state.name, 'stopped', 'it does not go on by itself');
          assert.equal(hub.events.length, events, 'and tells nothing');
          await resnapshot(shop.captureOptions(hub), AbortSignal.timeout(20_000));
        }
        await isFollowed();
        await stateIs('following');
      });
    }
  }

  it('the database is not the one that the hub knows, or older than it', async () => {
    await stateIs('following');
    await capture.close();
    const [systemId, timeline, ...rest] = String(hub.stored?.log).split('.');
    const at = String(hub.stored?.at);
    const known = { log: String(hub.stored?.log), at };
    for (const [stored, says] of [
      [{ log: ['1', timeline, ...rest].join('.'), at }, /of another server/],
      [{ log: [systemId, '7', ...rest].join('.'), at }, /restored, or another server became the primary/],
      [{ log: known.log, at: String(2n ** 60n) }, /older than what the hub holds/],
      [{ log: 'posted', at: '3' }, /of another server/],
    ] as const) {
      hub.stored = stored;
      capture = shop.capture(hub);
      await stateIs('stopped');
      assert.match(String(capture.state.problem), says);
      assert.match(String(capture.state.problem), resnapshots);
      await capture.close();
    }
    hub.stored = known;
    capture = shop.capture(hub);
    await stateIs('following');
  });
});
