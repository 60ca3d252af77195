/** As the quick test, for some minutes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alternateUsers } from './crossing.fixture.ts';

test('of 100,000 answers none crosses from one user to another', async (t) => {
  const { own } = await alternateUsers(t, 100_000, 11);
  t.diagnostic(`${own} answers named their user`);
  assert.ok(own > 30_000);
});
