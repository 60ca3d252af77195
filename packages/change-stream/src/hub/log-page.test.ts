import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { recordsTold } from './log-page.ts';

const told = (first: number, last = first, epoch = 'e') =>
  JSON.stringify({
    epoch,
    after: first - 1,
    mark: `m${first - 1}`,
    records: Array.from({ length: last - first + 1 }, (_, index) => {
      const number = first + index;
      const row = {
        number,
        mark: `m${number}`,
        source: 's',
        log: 'l',
        at: `${number}`,
        xid: '1',
        events: [],
      };
      return { ...row, committedAt: 1, part: null, parts: null };
    }),
  });
const at5 = { epoch: 'e', number: 5, mark: 'm5' };
const numbers = (text: string, position = at5) => recordsTold(text, position)?.map(({ number }) => number);

describe('What notifications tell', () => {
  test('goes on behind the reader, who takes what is known already as nothing', () => {
    assert.deepEqual(numbers(told(6, 8)), [6, 7, 8]);
    assert.deepEqual(numbers(told(4, 5)), []);
  });

  test('is not enough where something is missing between', () => {
    assert.equal(numbers(told(7)), undefined);
    assert.equal(numbers(told(4, 6)), undefined);
    assert.equal(numbers(''), undefined);
  });

  test('is not taken from another log', () => {
    assert.equal(numbers(told(6, 6, 'f')), undefined);
    assert.equal(numbers(told(3, 3, 'f')), undefined);
    assert.equal(numbers(told(6), { ...at5, mark: 'another' }), undefined);
  });
});
