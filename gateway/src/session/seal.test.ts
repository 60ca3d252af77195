import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSealer } from './seal.ts';

const secret = 'a secret of this test, of 32 and more';

test('what was sealed is read with the same secret, for the same purpose, in the same place', () => {
  const sealer = createSealer([secret], 'session');
  const sealed = sealer.seal('a token', 'here');
  assert.ok(!Buffer.from(sealed, 'base64url').includes('a token'));
  assert.notEqual(sealer.seal('a token', 'here'), sealed);
  assert.equal(sealer.unseal(sealed, 'here'), 'a token');
  assert.equal(sealer.unseal(sealed, 'there'), undefined);
  assert.equal(createSealer([secret], 'sign-in').unseal(sealed, 'here'), undefined);
  assert.equal(createSealer([`${secret}!`], 'session').unseal(sealed, 'here'), undefined);
  assert.equal(createSealer([`${secret}!`, secret], 'session').unseal(sealed, 'here'), 'a token');
});

test('what was changed by one bit, or cut, is nothing', () => {
  const sealer = createSealer([secret], 'session');
  const bytes = Buffer.from(sealer.seal('a token', 'here'), 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    assert.equal(sealer.unseal(changed.toString('base64url'), 'here'), undefined, `bit ${bit}`);
  }
  for (let length = 0; length < bytes.length; length += 1) {
    assert.equal(sealer.unseal(bytes.subarray(0, length).toString('base64url'), 'here'), undefined);
  }
  assert.equal(sealer.unseal('', ''), undefined);
});
