import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type FieldPlace, keyIdOf, openField, sealField, toPersonalKey, withheld } from './sealed-field.ts';

const newKey = (id = randomBytes(16).toString('base64url')) => toPersonalKey(id, randomBytes(32));
const secret = randomBytes(32);
const key = toPersonalKey('the-id-of-this-key-123', secret);
const place: FieldPlace = {
  source: 'customers',
  event: '7.1.a.0/16B6C50.0',
  side: 'after',
  member: 'displayName',
  customer: 'c1',
};
const text = fc.string({ unit: 'grapheme', maxLength: 300 });
const places = fc.record({
  source: text,
  event: text,
  side: fc.constantFrom('before' as const, 'after' as const),
  member: text,
  customer: text,
});

describe('A sealed field', () => {
  it('opens for its key and place, and has one form whenever it is sealed', () => {
    fc.assert(
      fc.property(text, places, (plain, at) => {
        const sealed = sealField(plain, key, at);
        assert.match(sealed, /^personal:1:[\w-]{22}:[\w-]+$/);
        assert.equal(keyIdOf(sealed), key.id);
        assert.equal(openField(sealed, key, at), plain);
        assert.equal(sealField(plain, toPersonalKey(key.id, secret), { ...at }), sealed);
      }),
    );
  });

  it('opens at no other place, and for no other key', () => {
    const members = fc.constantFrom('source', 'event', 'side', 'member', 'customer');
    fc.assert(
      fc.property(text, places, places, members, (plain, at, other, member) => {
        const elsewhere = { ...at, [member]: other[member as keyof FieldPlace] };
        fc.pre(JSON.stringify(at) !== JSON.stringify(elsewhere));
        const sealed = sealField(plain, key, at);
        assert.equal(openField(sealed, key, elsewhere), null);
        assert.equal(openField(sealed, newKey(), at), null);
        assert.equal(openField(sealed, newKey(key.id), at), null);
      }),
    );
  });

  it('does not open when any character of it is another', () => {
    const sealed = sealField('Ada L.', key, place);
    for (let index = 0; index < sealed.length; index += 1) {
      for (const other of ['A', '_', 'b', ' ', '']) {
        if (sealed[index] === other) continue;
        const changed = sealed.slice(0, index) + other + sealed.slice(index + 1);
        assert.equal(openField(changed, key, place), null, `${index} ${other}`);
      }
    }
    for (const wrong of ['', 'Ada L.', withheld, `${sealed}A`, `${sealed}\n`, sealed.slice(0, 40)]) {
      assert.equal(openField(wrong, key, place), null);
    }
  });

  it('never has the nonce of another text or place', () => {
    const nonces = new Set<string>();
    const nonceOf = (sealed: string) => String(sealed.split(':')[3]).slice(0, 16);
    for (let n = 0; n < 5_000; n += 1) {
      nonces.add(nonceOf(sealField(`text ${n}`, key, place)));
      nonces.add(nonceOf(sealField('text', key, { ...place, event: `e${n}` })));
    }
    assert.equal(nonces.size, 10_000);
  });

  it('says nothing of the text but its length', () => {
    const sealed = sealField('Ada Lovelace of Marylebone', key, place);
    const bytes = Buffer.from(String(sealed.split(':')[3]), 'base64url');
    assert.equal(bytes.length, 12 + 16 + 'Ada Lovelace of Marylebone'.length);
    for (const word of ['Ada', 'Lovelace', 'Marylebone']) {
      assert.ok(!bytes.includes(word) && !sealed.includes(word));
    }
  });
});
