import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alternateUsers } from './crossing.fixture.ts';

test('of two users and a visitor who alternate on all paths through all caches, each gets answers of his own alone', async (t) => {
  const { own, public: ofAll, failed } = await alternateUsers(t, 3_000, 7);
  t.diagnostic(`${own} answers named their user, ${ofAll} were public, ${failed} failed`);
  assert.ok(own > 1_000 && ofAll > 300, `${own} and ${ofAll}`);
});
