import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandomHex } from './random-hex.ts';

test('ids have their length in hexadecimal and none comes twice, over many fillings of the pool', () => {
  const newId = createRandomHex(8);
  const ids = Array.from({ length: 5_000 }, newId);
  assert.ok(ids.every((id) => /^[0-9a-f]{16}$/.test(id)));
  assert.equal(new Set(ids).size, ids.length);
});

test('every byte is used once, in whole ids', () => {
  const fillings: string[] = [];
  const newId = createRandomHex(7, (bytes) => {
    bytes.forEach((_, index) => {
      bytes[index] = (index + fillings.length) % 256;
    });
    fillings.push(bytes.toString('hex'));
    return bytes;
  });
  const perFilling = Math.floor(4_096 / 7);
  const ids = Array.from({ length: 2 * perFilling }, newId);
  assert.equal(fillings.length, 2);
  assert.equal(ids.join(''), fillings.join(''));
});
