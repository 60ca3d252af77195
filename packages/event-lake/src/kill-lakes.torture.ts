import { it } from 'node:test';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import { killLakeWriters } from './kill-lakes.fixture.ts';

/** `LAKE_SEED` throws the same dice again. */
const { LAKE_SEED: seed = String(Date.now() % 2 ** 31) } = process.env;

it('lakes whose writers are killed 50 times at each step are clean, and lose and double nothing', {
  timeout: 1_800_000,
}, async (test) => {
  test.diagnostic(`LAKE_SEED=${seed}`);
  const postgres = await startPostgres({ databases: ['hub'] });
  test.after(() => postgres.stop());
  const random = createRandom(Number(seed));
  let records = 0;
  for (let round = 0; round < 50; round += 1) {
    records += await killLakeWriters(postgres.databases.hub ?? '', random);
  }
  test.diagnostic(`${records} records`);
});
