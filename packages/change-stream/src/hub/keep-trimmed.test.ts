import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { recordAt } from './event-hub.contract.ts';
import type { DurableEventHub } from './event-hub.ts';
import { keepTrimmed } from './keep-trimmed.ts';
import { createPostgresEventHub } from './postgres-event-hub.ts';

const day = 24 * 60 * 60 * 1_000;

describe('The log of the hub trims itself', () => {
  let postgres: TestPostgres;
  let hub: DurableEventHub;
  before(async () => {
    postgres = await startPostgres({ databases: ['hub'] });
    hub = createPostgresEventHub({ url: String(postgres.databases.hub), log: silentLogger });
    const writer = await hub.writer('catalog', new AbortController().signal);
    const records = Array.from({ length: 30 }, (_, at) => recordAt('catalog', at + 1));
    await writer.append(records.map((record, at) => ({ ...record, committedAt: (at + 1) * day })));
  });
  after(async () => {
    await hub.close();
    await postgres.stop();
  });

  /** The first number that is kept after a trim at each of these days. */
  async function firstKept(
    days: readonly number[],
    {
      trim = hub.trim,
      isActive = () => true,
    }: { trim?: DurableEventHub['trim']; isActive?: () => boolean } = {},
  ): Promise<number[]> {
    const ending = new AbortController();
    const kept: number[] = [];
    let at = 0;
    const pause = async () => {
      kept.push((await hub.range()).first);
      at += 1;
      if (at === days.length) ending.abort();
    };
    const now = () => Number(days[at]) * day;
    const options = { hub: { trim }, keepMs: 7 * day, isActive, log: silentLogger, now, pause };
    await keepTrimmed(options, ending.signal);
    return kept;
  }

  it('of what is older than it shall be kept, as time goes by, and of nothing younger', async () => {
    assert.deepEqual(await firstKept([7, 8, 8.5, 9.5, 12]), [1, 1, 2, 3, 5]);
  });

  it('not of what a durable consumer still needs, until it is further or forgotten', async () => {
    const { epoch } = await hub.range();
    await hub.keepFor('notes', { epoch, number: 7 });
    assert.deepEqual(await firstKept([20]), [7]);
    await hub.keepFor('notes', { epoch, number: 10 });
    assert.deepEqual(await firstKept([20]), [10]);
    await hub.forget('notes');
    assert.deepEqual(await firstKept([20]), [13]);
  });

  it('in one process of several, and also after a trim that failed', async () => {
    assert.deepEqual(await firstKept([21, 22], { isActive: () => false }), [13, 13]);
    let failures = 0;
    const trim = (until: number) => {
      failures += 1;
      return failures === 1 ? Promise.reject(new Error('the hub is away')) : hub.trim(until);
    };
    assert.deepEqual(await firstKept([21, 22], { trim }), [13, 15]);
  });
});
