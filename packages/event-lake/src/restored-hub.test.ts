import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { recordAt } from '@portico/change-stream/hub/event-hub.contract.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { createDatabase } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import { sql } from 'kysely';
import { openTestLake } from './lake.fixture.ts';

const postgres = await startPostgres({ databases: ['hub'] });
const url = postgres.databases.hub ?? '';
const hub = createPostgresEventHub({ url, log: silentLogger });
const database = createDatabase<object>(url, silentLogger);
const lake = await openTestLake();
after(async () => {
  await lake.remove();
  await hub.close();
  await database.destroy();
  await postgres.stop();
});

/** As a copy from the time when `last` was the last record. */
async function putBack(last: number): Promise<void> {
  await sql`delete from records where number > ${last}`.execute(database);
  await sql`update log_end set last_number = ${last}`.execute(database);
}

describe('a lake whose hub was put back to an older copy', () => {
  test('keeps what was lost, and goes on behind the last record that both have, also within a segment', async () => {
    const catalog = await hub.writer('catalog', new AbortController().signal);
    const append = (places: readonly number[]) => catalog.append(places.map((at) => recordAt('catalog', at)));
    const offsets = async () => (await lake.records()).map(({ offset }) => Number(offset.at));
    const first = lake.write(hub);
    await append([1, 2, 3]);
    await first.until(3);
    await append([4, 5, 6, 7]);
    await first.until(7);
    await first.stop();

    await putBack(5);
    await append([10, 11, 12]);
    const second = lake.write(hub);
    assert.match(await second.problem(), /the record there is another|the log ends/);
    await hub.renewEpoch();
    await second.until(8);
    await second.stop();
    assert.deepEqual(await offsets(), [1, 2, 3, 4, 5, 6, 7, 10, 11, 12]);
    assert.deepEqual(
      lake.manifest.parts().map(({ after }) => after),
      [0, 5],
    );

    await putBack(3);
    await hub.renewEpoch();
    await append([20]);
    await lake.write(hub).until(4);
    assert.deepEqual(await offsets(), [1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 20]);
    assert.equal((await lake.portico('verify')).code, 0);
  });
});
