import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toPeerKey } from './peer-key.ts';

test('peers are told apart by address, those of IPv6 by their network', () => {
  assert.equal(toPeerKey('192.0.2.7'), '192.0.2.7');
  assert.equal(toPeerKey('::ffff:192.0.2.7'), '192.0.2.7');
  assert.equal(toPeerKey('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
  assert.equal(toPeerKey('2001:db8:1:2::1'), toPeerKey('2001:0db8:0001:0002:ffff:0:0:1'));
  assert.notEqual(toPeerKey('2001:db8:1:2::1'), toPeerKey('2001:db8:1:3::1'));
  assert.equal(toPeerKey('::1'), '0:0:0:0::/64');
});
