import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRedisUrl } from './redis-address.ts';

test('a Redis URL names the server, and what it leaves out is as usual', () => {
  const plain = { host: 'localhost', port: 6379, db: 0, tls: false, cluster: false };
  assert.deepEqual(parseRedisUrl('redis://localhost'), plain);
  assert.deepEqual(parseRedisUrl('redis://localhost:6380/'), { ...plain, port: 6380 });
  assert.deepEqual(parseRedisUrl('redis://localhost/3'), { ...plain, db: 3 });
  assert.deepEqual(parseRedisUrl('rediss://localhost'), { ...plain, tls: true });
  assert.deepEqual(parseRedisUrl('redis://[::1]:6379'), { ...plain, host: '::1' });
  assert.deepEqual(parseRedisUrl('redis://localhost?cluster=true'), { ...plain, cluster: true });
  assert.deepEqual(parseRedisUrl('redis://localhost?cluster=false'), plain);
});

test('user and password may hold any character, percent-encoded', () => {
  const { username, password } = parseRedisUrl('redis://a%3Ab:p%40ss%2Fw%C3%B6rd@localhost');
  assert.deepEqual([username, password], ['a:b', 'p@ss/wörd']);
  assert.equal(parseRedisUrl('redis://:secret@localhost').username, undefined);
});

for (const url of [
  '',
  'localhost:6379',
  'http://:s3cr3t@localhost',
  'redis://',
  'redis:///1',
  'redis://:s3cr3t@localhost/shop',
  'redis://:s3cr3t@localhost/1?cluster=true',
  'redis://:s3cr3t%@localhost',
  'redis://:s3cr3t@localhost?cluster=yes',
  'redis://:s3cr3t@localhost?commandTimeout=0',
]) {
  test(`"${url}" is refused, with a message that does not repeat it`, () => {
    assert.throws(
      () => parseRedisUrl(url),
      (error) =>
        error instanceof TypeError &&
        error.message.includes('redis://[') &&
        !error.message.includes('s3cr3t'),
    );
  });
}
