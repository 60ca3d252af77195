import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import { killCaptures } from './kill-captures.fixture.ts';

describe('Two captures, of which one is killed at any moment under load', { timeout: 90_000 }, () => {
  it('lose nothing, double nothing and keep the order, also when PostgreSQL is killed', async (test) => {
    const postgres = await startPostgres({ databases: ['things', 'hub'] });
    test.after(() => postgres.stop());
    const { commits, takeoversMs } = await killCaptures({
      postgres,
      databases: ['things', 'hub'],
      kills: 6,
      crashEvery: 4,
      random: createRandom(7),
      writerLeaseMs: 500,
    });
    test.diagnostic(`${commits} commits, took over after ${takeoversMs.map(Math.round).join(', ')} ms`);
    assert.ok(commits > 100);
  });
});
