import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import { createPostgresEventHub } from '../hub/postgres-event-hub.ts';
import { openShop } from './shop.fixture.ts';

const seconds = 5;

it('a commit is with a reader of the hub within milliseconds', { timeout: 120_000 }, async (test) => {
  const postgres = await startPostgres({ databases: ['things', 'hub'] });
  const shop = await openShop(postgres.url, String(postgres.databases.things));
  // The servers of tests don't wait for the disk, and PostgreSQL would flush its log only every 200 ms.
  await shop.admin('alter role things set synchronous_commit = on');
  await shop.admin('select pg_terminate_backend(pid) from pg_stat_activity where usename = $$things$$');
  const hubUrl = String(postgres.databases.hub);
  const hub = createPostgresEventHub({ url: hubUrl, log: silentLogger });
  const capture = fork(new URL('./capture-process.fixture.ts', import.meta.url), [hubUrl, shop.url, '2000']);
  test.after(async () => {
    capture.kill('SIGKILL');
    await hub.close();
    await shop.close();
    await postgres.stop();
  });
  for (let state = ''; state !== 'following'; ) [state] = await once(capture, 'message');

  const committedAt = new Map<string, number>();
  const heardAt = new Map<string, number>();
  const reading = new AbortController();
  const { epoch, last } = await hub.range();
  const tail = hub.tail(
    { epoch, number: last },
    (messages) => {
      const now = performance.now();
      for (const message of messages) {
        if (message.kind === 'record') for (const { key } of message.record.events) heardAt.set(key, now);
      }
    },
    reading.signal,
  );

  for (const perSecond of [10, 100, 1_000]) {
    const total = perSecond * seconds;
    const began = performance.now();
    const commits: Promise<unknown>[] = [];
    const id = (n: number) => `${perSecond}/s ${n}`;
    const commit = async (n: number) => {
      await shop.sql('insert into things (id) values ($1)', [id(n)]);
      committedAt.set(id(n), performance.now());
    };
    while (commits.length < total) {
      const due = Math.min(total, ((performance.now() - began) / 1000) * perSecond);
      while (commits.length < due) commits.push(commit(commits.length));
      await delay(1);
    }
    await Promise.all(commits);
    while (heardAt.size < committedAt.size) await delay(5);
    const delays = Array.from(
      { length: total },
      (_, n) => Number(heardAt.get(id(n))) - Number(committedAt.get(id(n))),
    );
    delays.sort((a, b) => a - b);
    const at = (share: number) => Number(delays[Math.floor(total * share)]).toFixed(1);
    test.diagnostic(`${perSecond} changes a second: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
    assert.ok(Number(at(0.5)) < 100);
  }
  reading.abort();
  await tail.catch(() => {});
});
