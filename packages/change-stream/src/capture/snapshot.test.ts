import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import type { Capture } from './create-capture.ts';
import { resnapshot } from './resnapshot.ts';
import { ScriptedHub } from './scripted-hub.fixture.ts';
import { dropSlot, openShop, type Shop } from './shop.fixture.ts';

/** The rows that a reader of the events has, by key, as a view does it: what a whole snapshot doesn't hold is gone. */
function fold(events: readonly ChangeEvent[]): Map<string, unknown> {
  let rows = new Map<string, unknown>();
  let kept: Map<string, unknown> | undefined;
  for (const { type, key, data } of events) {
    if (key === 'snapshot-begun') kept = new Map();
    if (key === 'snapshot-ended' && kept !== undefined) [rows, kept] = [kept, undefined];
    if (type !== 'thing-changed') continue;
    const now = kept ?? rows;
    if (data.after === null) now.delete(key);
    else now.set(key, (data.after as { value: unknown }).value);
  }
  return rows;
}

describe('A snapshot', { timeout: 60_000 }, () => {
  let postgres: TestPostgres;
  let shop: Shop;
  let hub: ScriptedHub;
  let capture: Capture;

  before(async () => {
    postgres = await startPostgres({ databases: ['things'] });
    shop = await openShop(postgres.url, String(postgres.databases.things));
    await shop.sql(`insert into things (id, value) select 'row ' || n, n from generate_series(1, 3000) n`);
  });
  afterEach(() => capture.close());
  after(async () => {
    await shop.close();
    await postgres.stop();
  });

  const table = async () =>
    new Map((await shop.sql('select id, value from things')).map((row) => [row.id, row.value]));
  const begin = () => {
    hub = new ScriptedHub();
    capture = shop.capture(hub);
  };
  const follows = () => hub.until(() => capture.state.name === 'following');
  const ended = () => hub.events.filter(({ key }) => key === 'snapshot-ended').length;
  /** Waits until the last change is told, and nothing but it. */
  const toldAll = async () => {
    const [now] = await shop.admin('select pg_current_xact_id()::text as xid');
    await hub.until(() => BigInt(hub.progress?.xmin ?? 0) > BigInt(String(now?.xid)));
  };

  it('begins a source that is new to the hub, in records of a bounded size', async () => {
    begin();
    await follows();
    assert.deepEqual(fold(hub.events), await table());
    assert.equal(hub.events.at(0)?.key, 'snapshot-begun');
    assert.equal(hub.events.at(-1)?.key, 'snapshot-ended');
    assert.ok(hub.records.every(({ events }) => events.length <= 500));
    assert.equal(new Set(hub.events.map(({ id }) => id)).size, hub.events.length);
  });

  it('begins again where it was broken off, and is whole in the end', async () => {
    begin();
    hub.beforeAppend = () => {
      if (hub.events.length < 1_200) return;
      hub.beforeAppend = () => {};
      throw new Error('the hub is away');
    };
    await follows();
    assert.deepEqual(
      hub.events.filter(({ type }) => type === 'everything-changed').map(({ key }) => key),
      ['snapshot-begun', 'snapshot-begun', 'snapshot-ended'],
    );
    assert.deepEqual(fold(hub.events), await table());
  });

  it('loses no change that is made meanwhile, and none that is made right before or after', async () => {
    begin();
    let isWriting = true;
    const write = async (id: string) => {
      for (let n = 0; isWriting; n++) {
        await shop.sql(`insert into things (id, value) values ('${id}', ${n})
          on conflict (id) do update set value = excluded.value`);
        if (n % 3 === 0) await shop.sql(`delete from things where id = '${id}'`);
      }
    };
    const writers = ['w1', 'w2', 'w3'].map(write);
    await follows();
    for (let round = 1; round <= 3; round++) {
      await resnapshot(shop.captureOptions(hub), AbortSignal.timeout(20_000));
      assert.equal(ended(), 1 + round);
    }
    isWriting = false;
    await Promise.all(writers);
    await toldAll();
    assert.deepEqual(fold(hub.events), await table());
  });

  it('finds what was deleted while nobody captured', async () => {
    begin();
    await follows();
    await capture.close();
    await shop.sql(`delete from things where value > 1000`);
    await shop.admin(dropSlot);
    await resnapshot(shop.captureOptions(hub), AbortSignal.timeout(20_000));
    capture = shop.capture(hub);
    await toldAll();
    assert.deepEqual(fold(hub.events), await table());
  });
});
