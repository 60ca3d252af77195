import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startPostgres } from '@portico/testing/engines.ts';
import { ScriptedHub } from './scripted-hub.fixture.ts';
import { openShop } from './shop.fixture.ts';

it('a transaction of 200,000 rows is one event, takes bounded memory, and what follows is told', {
  timeout: 60_000,
}, async (test) => {
  const postgres = await startPostgres({ databases: ['things'] });
  const shop = await openShop(postgres.url, String(postgres.databases.things));
  const hub = new ScriptedHub();
  const capture = shop.capture(hub);
  test.after(async () => {
    await capture.close();
    await shop.close();
    await postgres.stop();
  });
  await hub.until(() => capture.state.name === 'following');
  hub.records.length = 0;
  const before = process.memoryUsage.rss();
  let highest = before;
  const watch = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, 20);
  const insert = (from: number, to: number) =>
    shop.sql(
      `insert into things (id, text) select n, repeat('x', 1000) from generate_series(${from}, ${to}) n`,
    );

  await insert(1, 200_000);
  await hub.until(() => hub.events.length === 1);
  clearInterval(watch);
  test.diagnostic(`${Math.round((highest - before) / 1024 / 1024)} MB for 200 MB of rows`);
  // What is held at a time is far below what the transaction holds: 10,000 of its rows, and garbage of parsing.
  assert.ok(highest - before < 256 * 1024 * 1024, `${(highest - before) / 1024 / 1024} MB`);

  await insert(200_001, 210_000);
  await insert(210_001, 220_001);
  await hub.until(() => hub.events.length === 10_002);
  assert.deepEqual([hub.events[0]?.key, hub.events[10_001]?.key], ['too-large', 'too-large']);
});
