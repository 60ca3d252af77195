import { it } from 'node:test';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import { killCaptures } from './kill-captures.fixture.ts';

it('40 kills of captures, with the lease of production, and of PostgreSQL lose and double nothing', {
  timeout: 600_000,
}, async (test) => {
  const postgres = await startPostgres({ databases: ['things', 'hub'] });
  test.after(() => postgres.stop());
  const { commits, takeoversMs } = await killCaptures({
    postgres,
    databases: ['things', 'hub'],
    kills: 40,
    crashEvery: 7,
    random: createRandom(1),
    writerLeaseMs: 2_000,
  });
  const sorted = takeoversMs.map(Math.round).sort((a, b) => a - b);
  test.diagnostic(`${commits} commits, took over after ${sorted[20]} ms at p50, ${sorted.at(-1)} ms at most`);
});
