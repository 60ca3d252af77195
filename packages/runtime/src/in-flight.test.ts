import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createInFlight } from './in-flight.ts';

setFlagsFromString('--expose-gc');
const collect: (options: { type: 'minor' }) => void = runInNewContext('gc');

test('an answer is in flight until it is closed, in whatever order', () => {
  const { all, add } = createInFlight();
  const answers = Array.from({ length: 4 }, () => new EventEmitter());
  for (const answer of answers) add(answer as ServerResponse);
  for (const index of [1, 3, 0]) answers[index]?.emit('close');
  assert.deepEqual(all, [answers[2]]);
  answers[2]?.emit('close');
  assert.deepEqual(all, []);
});

test('answers that are over are garbage for the next young collection', () => {
  const { add } = createInFlight();
  const oneRequest = () => {
    const answer = Object.assign(new EventEmitter(), { body: new Array(1_000).fill(0) });
    add(answer as unknown as ServerResponse);
    return answer;
  };
  const pass = (requests: number) => {
    let before = oneRequest();
    for (let index = 0; index < requests; index += 1) {
      const next = oneRequest();
      before.emit('close');
      before = next;
    }
    before.emit('close');
    collect({ type: 'minor' });
    collect({ type: 'minor' });
  };
  pass(100);
  const before = oldBytes();
  for (let round = 0; round < 100; round += 1) pass(100);
  // All 10,000 together are 80 MB.
  assert.ok(oldBytes() - before < 2_000_000, `${oldBytes() - before} bytes are left of them`);
});

function oldBytes(): number {
  return getHeapSpaceStatistics()
    .filter(({ space_name: name }) => name !== 'new_space')
    .reduce((sum, { space_used_size: used }) => sum + used, 0);
}
