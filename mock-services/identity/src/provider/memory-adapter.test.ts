import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProviderMemory } from './memory-adapter.ts';

test('what has expired is gone, and what was not given a life is kept for a day', async () => {
  let now = 0;
  const codes = createProviderMemory(() => now).adapter('AuthorizationCode');
  await codes.upsert('short', { uid: 'a' }, 60);
  await codes.upsert('long', { uid: 'b' }, 0.5 * 86_400);
  now = 59_999;
  assert.deepEqual(await codes.find('short'), { uid: 'a' });
  now = 60_000;
  assert.equal(await codes.find('short'), undefined);
  assert.deepEqual(await codes.find('long'), { uid: 'b' });
});

test('models do not meet, and sessions are found by their uid', async () => {
  const memory = createProviderMemory(() => 0).adapter;
  await memory('Session').upsert('x', { kind: 'Session', uid: 'u' }, 60);
  await memory('Interaction').upsert('x', { kind: 'Interaction', uid: 'u' }, 60);
  assert.equal((await memory('Session').find('x'))?.kind, 'Session');
  assert.equal((await memory('Session').findByUid('u'))?.kind, 'Session');
  await memory('Session').destroy('x');
  assert.equal(await memory('Session').findByUid('u'), undefined);
});

test('a code is marked when it is used, and what belongs to a grant goes with it', async () => {
  const now = () => 5_000;
  const memory = createProviderMemory(now).adapter;
  const codes = memory('AuthorizationCode');
  await codes.upsert('c', { grantId: 'g' }, 60);
  await memory('RefreshToken').upsert('r', { grantId: 'g' }, 60);
  await memory('RefreshToken').upsert('other', { grantId: 'h' }, 60);
  await codes.consume('c');
  assert.equal((await codes.find('c'))?.consumed, 5);
  await Promise.all([codes, memory('RefreshToken')].map((model) => model.revokeByGrantId('g')));
  assert.equal(await codes.find('c'), undefined);
  assert.equal(await memory('RefreshToken').find('r'), undefined);
  assert.ok(await memory('RefreshToken').find('other'));
});

test('however many sign-ins are begun, only so many are kept, and no session gives way to them', async () => {
  const memory = createProviderMemory(() => 0, 100).adapter;
  await memory('Session').upsert('s', {}, 60);
  const interactions = memory('Interaction');
  for (let n = 0; n < 1_000; n += 1) await interactions.upsert(`i${n}`, {}, 600);
  const kept = await Promise.all(Array.from({ length: 1_000 }, (_, n) => interactions.find(`i${n}`)));
  assert.equal(kept.filter((payload) => payload !== undefined).length, 100);
  assert.ok(kept[999]);
  assert.ok(await memory('Session').find('s'));
});

test('a used refresh token of a client with a secret counts for ten seconds yet, and of no other', async () => {
  let now = 5_000;
  const refreshTokens = createProviderMemory(() => now, undefined, 'gateway').adapter('RefreshToken');
  await refreshTokens.upsert('ours', { clientId: 'gateway' }, 60);
  await refreshTokens.upsert('theirs', { clientId: 'phone' }, 60);
  await refreshTokens.consume('ours');
  await refreshTokens.consume('theirs');
  assert.equal((await refreshTokens.find('ours'))?.consumed, undefined);
  assert.equal((await refreshTokens.find('theirs'))?.consumed, 5);
  now += 10_000;
  assert.equal((await refreshTokens.find('ours'))?.consumed, 5);
});
