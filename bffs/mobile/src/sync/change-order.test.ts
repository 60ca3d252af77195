import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createChangeOrder, type LastChange } from './change-order.ts';

const ids = ['p1', 'p10', 'p2', 'p3', 'p4'];
const records = fc.array(fc.uniqueArray(fc.constantFrom(...ids)), { maxLength: 40 });
const someId = fc.option(fc.constantFrom(...ids), { nil: undefined });

/** The last change of each id, as one would look it up. */
function lastChanges(history: readonly (readonly string[])[]): LastChange[] {
  const last = new Map(history.flatMap((changed, at) => changed.map((id) => [id, at + 1] as const)));
  return [...last]
    .map(([id, number]) => ({ number, id }))
    .sort((a, b) => a.number - b.number || (a.id < b.id ? -1 : 1));
}

test('what changed last after any place comes in order, also what was read backwards', () => {
  const property = fc.property(records, fc.nat(40), fc.nat(41), someId, (history, start, number, id) => {
    const order = createChangeOrder(1_000);
    for (const [at, changed] of history.entries()) if (at >= start) order.add(at + 1, changed);
    const before = history
      .slice(0, start)
      .flatMap((changed, at) => changed.map((one) => ({ number: at + 1, id: one })));
    const older = before.sort((a, b) => b.number - a.number || (b.id < a.id ? -1 : 1));
    order.addOlder(older.slice(0, 7));
    order.addOlder(older.slice(7));
    const expected = lastChanges(history).filter(
      (change) => change.number > number || (change.number === number && id !== undefined && change.id > id),
    );
    assert.deepEqual(order.after({ number, id }, 100), expected);
    assert.deepEqual(order.after({ number, id }, 2), expected.slice(0, 2));
  });
  fc.assert(property, { numRuns: 1_000, seed: 1 });
});

test('a thing that changes often takes the place of one', () => {
  const order = createChangeOrder(1_000);
  for (let number = 1; number <= 5_000; number += 1) order.add(number, ['p1', `p${number % 7}`]);
  const numbers = order.after({ number: 0 }, 100).map(({ number }) => number);
  assert.deepEqual(numbers, [4_994, 4_995, 4_996, 4_997, 4_998, 5_000, 5_000]);
});

test('of too many things it forgets those that changed first, and says up to where', () => {
  const order = createChangeOrder(4);
  assert.equal(order.add(1, ['p1', 'p2']), undefined);
  assert.equal(order.add(2, ['p3', 'p4']), undefined);
  assert.equal(order.add(3, ['p5']), 2);
  assert.deepEqual(order.after({ number: 2 }, 10), [{ number: 3, id: 'p5' }]);
});
