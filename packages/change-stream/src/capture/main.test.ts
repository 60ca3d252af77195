import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { recordAt } from '../hub/event-hub.contract.ts';
import type { DurableEventHub, HubRecord } from '../hub/event-hub.ts';
import { createPostgresEventHub } from '../hub/postgres-event-hub.ts';
import { runResnapshot } from './run-resnapshot.ts';
import { openShop, type Shop } from './shop.fixture.ts';

const stockTable = `create table stock (product_id text primary key, quantity int not null, reserved int not null default 0);
  alter table stock replica identity full; insert into stock values ('p1', 1);
  create publication portico for table stock`;

describe('The program of capture', { timeout: 60_000 }, () => {
  let postgres: TestPostgres;
  let hub: DurableEventHub;
  let inventory: Shop;
  let reviews: Shop;
  let settings: NodeJS.ProcessEnv;
  let program: ChildProcess;
  let admin: string;

  before(async () => {
    postgres = await startPostgres({ databases: ['hub', 'old', 'inventory', 'reviews'] });
    const urlOf = (name: string) => String(postgres.databases[name]);
    hub = createPostgresEventHub({ url: urlOf('hub'), log: silentLogger });
    inventory = await openShop(postgres.url, urlOf('inventory'), stockTable);
    reviews = await openShop(postgres.url, urlOf('reviews'), 'select 1');
    const nowhere = new URL(inventory.url);
    nowhere.port = '1';
    settings = {
      LOG_LEVEL: 'silent',
      HUB_URL: urlOf('hub'),
      CAPTURE_INVENTORY_URL: inventory.url,
      CAPTURE_REVIEWS_URL: reviews.url,
      CAPTURE_CUSTOMERS_URL: nowhere.href,
    };
    program = fork(new URL('./main.ts', import.meta.url), [], {
      env: { PATH: process.env.PATH, ...settings },
    });
    const [message] = await once(program, 'message');
    admin = message.ready.admin;
  });
  after(async () => {
    program.kill('SIGKILL');
    await hub.close();
    await inventory.close();
    await reviews.close();
    await postgres.stop();
  });

  const records = async (): Promise<readonly HubRecord[]> =>
    hub.read({ epoch: await hub.epoch(), number: 0 }, 1_000);
  /** What `look` finds in the hub as soon as it is there. */
  const untilRecords = async (look: (found: readonly HubRecord[]) => boolean) => {
    while (!look(await records()));
  };
  const snapshots = (found: readonly HubRecord[]) =>
    found.filter(({ events }) => events[0]?.key === 'snapshot-ended').length;

  it('captures each source, whatever is wrong with the others', async () => {
    await untilRecords((found) => snapshots(found) === 1);
    await inventory.sql('update stock set quantity = 0');
    await untilRecords((found) => found.at(-1)?.events[0]?.key === 'p1' && snapshots(found) === 1);
  });

  it('names on /readyz what is not captured, why, and what to do', async () => {
    let notReady: string[];
    do {
      const answer = await fetch(`${admin}/readyz`);
      assert.equal(answer.status, 503);
      notReady = (await answer.json()).notReady;
    } while (notReady.some((name) => name.endsWith('starting') || name.startsWith('inventory')));
    assert.equal(notReady.length, 2);
    assert.match(
      String(notReady[0]),
      /^reviews: there is no publication "portico"; create publication portico/,
    );
    assert.match(String(notReady[1]), /^customers: .*ECONNREFUSED/);
  });

  it('counts records, events, bytes, lag and states of each source', async () => {
    const metrics = await (await fetch(`${admin}/metrics`)).text();
    for (const line of [
      /^portico_capture_records_total\{source="inventory",.*\} 1$/m,
      /^portico_capture_events_total\{source="inventory",.*\} 1$/m,
      /^portico_capture_bytes_total\{source="inventory",.*\} \d{2,}$/m,
      /^portico_capture_lag_seconds\{source="inventory",.*\} 0\.\d+$/m,
      /^portico_capture_state\{source="inventory",state="following",.*\} 1$/m,
      /^portico_capture_state\{source="reviews",state="stopped",.*\} 1$/m,
    ])
      assert.match(metrics, line);
  });

  it('tells on /readyz which sources it captures, and for which it stands by', async () => {
    const standby = fork(new URL('./main.ts', import.meta.url), [], {
      env: { PATH: process.env.PATH, ...settings, CAPTURE_REVIEWS_URL: '', CAPTURE_CUSTOMERS_URL: '' },
    });
    try {
      const [message] = await once(standby, 'message');
      let answer: Response;
      let said: { states: Record<string, string> };
      do {
        answer = await fetch(`${message.ready.admin}/readyz`);
        said = await answer.json();
      } while (said.states.inventory === 'starting');
      assert.equal(answer.status, 200);
      assert.deepEqual(said, { ready: true, notReady: [], states: { inventory: 'standby' } });
      const active = await (await fetch(`${admin}/readyz`)).json();
      assert.deepEqual(active.states, { reviews: 'stopped', inventory: 'following', customers: 'away' });
    } finally {
      standby.kill('SIGKILL');
    }
  });

  it('measures how far durable consumers are behind, and for how long they keep the log from being trimmed', async () => {
    const held = async () => {
      const metrics = await (await fetch(`${admin}/metrics`)).text();
      return ['behind_records', 'holds_seconds'].map((name) => {
        const line = new RegExp(`^portico_hub_consumer_${name}\\{consumer="lake",.*\\} (.+)$`, 'm');
        return line.exec(metrics)?.[1];
      });
    };
    assert.deepEqual(await held(), [undefined, undefined]);
    const { epoch, last } = await hub.range();
    await hub.keepFor('lake', { epoch, number: last - 1 });
    const [behind, seconds] = await held();
    assert.equal(behind, '1');
    assert.ok(Number(seconds) > 0 && Number(seconds) < 60, seconds);
    await hub.keepFor('lake', { epoch, number: last });
    assert.deepEqual(await held(), ['0', '0']);
    await hub.forget('lake');
    assert.deepEqual(await held(), [undefined, undefined]);
  });

  it('lets go of a source for a new snapshot of it, and goes on', async () => {
    await runResnapshot('inventory', settings);
    assert.equal(snapshots(await records()), 2);
    await inventory.sql('update stock set quantity = 5');
    await untilRecords((found) => found.at(-1)?.events[0]?.key === 'p1');
    await assert.rejects(runResnapshot('reviews', settings), /create publication portico/);
    await assert.rejects(runResnapshot('catalog', settings), /CAPTURE_CATALOG_URL is not set/);
  });

  it('lets go of what is older than the hub shall keep, also where services post', async () => {
    const url = String(postgres.databases.old);
    const old = createPostgresEventHub({ url, log: silentLogger });
    const writer = await old.writer('customers', AbortSignal.timeout(10_000));
    const committedAt = (days: number) => Date.now() - days * 24 * 60 * 60 * 1_000;
    await writer.append(
      [1, 2, 3].map((at) => recordAt('customers', at, { committedAt: committedAt(4 - at) })),
    );
    const secret = 'a-secret-of-this-test-of-32-letters';
    const settings = { LOG_LEVEL: 'silent', HUB_URL: url, HUB_KEEP_DAYS: '2', POST_CATALOG_SECRET: secret };
    const active = fork(new URL('./main.ts', import.meta.url), [], {
      env: { PATH: process.env.PATH, ...settings },
    });
    try {
      while ((await old.range()).first !== 3);
    } finally {
      active.kill('SIGKILL');
      await old.close();
    }
  });

  it('ends in good order when it is told to', async () => {
    program.kill('SIGTERM');
    const [code] = await once(program, 'exit');
    assert.equal(code, 0);
    const slot = `select active from pg_replication_slots where slot_name = 'portico_inventory'`;
    while ((await inventory.admin(slot))[0]?.active !== false);
  });
});
