import { it } from 'node:test';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import { killLakeWriters } from './kill-lakes.fixture.ts';

it('a lake whose writer is killed at write, sync, rename and manifest is clean, and loses and doubles nothing', {
  timeout: 120_000,
}, async (test) => {
  const postgres = await startPostgres({ databases: ['hub'] });
  test.after(() => postgres.stop());
  const records = await killLakeWriters(postgres.databases.hub ?? '', createRandom(5));
  test.diagnostic(`${records} records`);
});
