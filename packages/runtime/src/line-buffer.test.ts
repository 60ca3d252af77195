import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLineBuffer } from './line-buffer.ts';

function sinkOf(written: string[]) {
  return { write: (text: string) => void written.push(text), flushSync: () => void written.push('flushed') };
}
const options = { maxLength: 8, maxWaitMs: 100 };

test('lines wait for each other until they are many', () => {
  const written: string[] = [];
  const buffer = createLineBuffer(sinkOf(written), options);
  buffer.write('one\n');
  assert.deepEqual(written, []);
  buffer.write('two\n');
  assert.deepEqual(written, ['one\ntwo\n']);
});

test('a line waits no longer than it may, counted from the first that waits', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const written: string[] = [];
  const buffer = createLineBuffer(sinkOf(written), options);
  buffer.write('a\n');
  t.mock.timers.tick(99);
  buffer.write('b\n');
  assert.deepEqual(written, []);
  t.mock.timers.tick(1);
  assert.deepEqual(written, ['a\nb\n']);
  t.mock.timers.tick(1_000);
  assert.equal(written.length, 1);
  buffer.write('c\n');
  t.mock.timers.tick(100);
  assert.deepEqual(written, ['a\nb\n', 'c\n']);
});

test('what waits is written on demand, before the sink is flushed', () => {
  const written: string[] = [];
  const buffer = createLineBuffer(sinkOf(written), options);
  buffer.write('last\n');
  buffer.flushSync();
  assert.deepEqual(written, ['last\n', 'flushed']);
});
