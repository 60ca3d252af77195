import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findSecrets } from './find-secrets.ts';

const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJjMSJ9.c2lnbmF0dXJlIG9m';

for (const secret of [jwt, 'not+a/JWT,but=a&secret']) {
  const texts = {
    'as it is': [`{"a":"${secret}"}`],
    escaped: [`?a=${encodeURIComponent(secret)}`],
    'in base64': ['', 'a', 'ab'].map((before) => btoa(`${before}${secret}, and more`)),
    'in base64 for addresses': ['', 'a', 'ab'].map((before) => toUrlSafe(`${before}${secret}`)),
  };
  for (const [form, all] of Object.entries(texts)) {
    test(`${secret.slice(0, 8)}… is found ${form}`, () => {
      for (const text of all) assert.deepEqual(findSecrets(text, ['another one', secret]), [secret], text);
    });
  }
}

test('a part of a JWT that nobody could guess is found, and its head is nothing', () => {
  const [head, payload, signature] = jwt.split('.');
  assert.deepEqual(findSecrets(`${payload}`, [jwt]), [jwt]);
  assert.deepEqual(findSecrets(`${signature}`, [jwt]), [jwt]);
  assert.deepEqual(findSecrets(`${head}`, [jwt]), []);
});

function toUrlSafe(text: string): string {
  return Buffer.from(text).toString('base64url');
}
