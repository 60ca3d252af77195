import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLineBuffer } from './line-buffer.ts';

const options = { batchBytes: 8, capacityBytes: 48, maxWaitMs: 100 };

/** Takes as many bytes a time as it is told to, else all. */
function taker(limits: number[] = []) {
  const taken: string[] = [];
  const take = (bytes: Uint8Array) => {
    const part = bytes.subarray(0, limits.shift() ?? bytes.length);
    if (part.length > 0) taken.push(Buffer.from(part).toString());
    return part.length;
  };
  return { taken, take };
}

test('lines wait for each other until they are many', () => {
  const { taken, take } = taker();
  const buffer = createLineBuffer(take, options);
  buffer.write('one\n');
  assert.deepEqual(taken, []);
  buffer.write('two\n');
  assert.deepEqual(taken, ['one\ntwo\n']);
});

test('a line keeps every character', () => {
  const { taken, take } = taker();
  const buffer = createLineBuffer(take, options);
  for (const line of ['€€€€€€€\n', 'ü😀\n', '\ud83d\n']) buffer.write(line);
  buffer.flush();
  assert.equal(taken.join(''), '€€€€€€€\nü😀\n\ufffd\n');
});

test('a line waits no longer than it may, counted from the first that waits', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { taken, take } = taker();
  const buffer = createLineBuffer(take, options);
  buffer.write('a\n');
  t.mock.timers.tick(99);
  buffer.write('b\n');
  assert.deepEqual(taken, []);
  t.mock.timers.tick(1);
  assert.deepEqual(taken, ['a\nb\n']);
  t.mock.timers.tick(1_000);
  assert.equal(taken.length, 1);
  buffer.write('c\n');
  t.mock.timers.tick(100);
  assert.deepEqual(taken, ['a\nb\n', 'c\n']);
});

test('what was not taken is offered again, from where it was left', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { taken, take } = taker([3, 0]);
  const buffer = createLineBuffer(take, options);
  buffer.write('abcdefgh\n');
  buffer.write('ijklmnop\n');
  assert.deepEqual(taken, ['abc']);
  t.mock.timers.tick(100);
  assert.deepEqual(taken, ['abc']);
  t.mock.timers.tick(100);
  assert.deepEqual(taken, ['abc', 'defgh\nijklmnop\n']);
});

test('lines beyond the room are dropped whole when nobody takes the others', () => {
  const { taken, take } = taker([0]);
  const buffer = createLineBuffer(take, options);
  for (let line = 0; line < 20; line += 1) buffer.write(`line ${line}\n`);
  assert.equal(buffer.flush(), true);
  assert.match(taken.join(''), /^(line \d+\n){4,6}$/);
});
