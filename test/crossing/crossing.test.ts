import { test } from 'node:test';
import { alternateUsers } from './alternate-users.fixture.ts';
import { assertAllHappened, describeTally } from './tally.fixture.ts';

test('of two users and visitors who ask the same at the same time through all caches, each gets answers of their own alone', async (t) => {
  const tally = await alternateUsers({ answers: 4_000, seed: 7, atOnce: 24, happensEvery: 50 });
  t.diagnostic(describeTally(tally));
  assertAllHappened(tally);
});
