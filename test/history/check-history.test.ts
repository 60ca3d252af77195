/** The checker finds what is planted in histories that are made by hand, and nothing else. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkHistory, createHistoryChecker } from './check-history.ts';
import type { Event, Read, Write } from './history.ts';

const boundMs = 2_000;
const wrote = (
  value: number,
  invoked: number,
  acknowledged: number | null,
  more: Partial<Write> = {},
): Write => {
  return { kind: 'write', key: 'price:p1', value, invoked, acknowledged, ...more };
};
const read = (value: number, sent: number, more: Partial<Read> = {}): Read => {
  return {
    kind: 'read',
    client: 'c',
    at: 'web 1',
    sent,
    received: sent + 10,
    values: { 'price:p1': value },
    ...more,
  };
};
const check = (...events: Event[]) => checkHistory(events, { 'price:p1': 1, 'stock:p1': 1 }, boundMs);
const rulesOf = (...events: Event[]) => check(...events).violations.map(({ rule }) => rule);

describe('The checker of histories', () => {
  it('finds nothing in a history of a shop that keeps its promises', () => {
    const verdict = check(
      read(1, 0, { tokenOut: 'a' }),
      wrote(2, 100, 110),
      read(1, 2_100, { client: 'other' }),
      read(2, 2_200, { tokenIn: 'a', tokenOut: 'b' }),
      wrote(3, 2_300, 2_310, { tokenIn: 'b', tokenOut: 'd' }),
      read(3, 2_320, { tokenIn: 'd' }),
    );
    assert.deepEqual(verdict.violations, []);
    assert.deepEqual([verdict.answers, verdict.values, verdict.writes], [4, 4, 2]);
    assert.equal(verdict.oldestMs, 1_990);
    assert.deepEqual(verdict.seenAfterMs, [2_100, 20]);
  });

  it('finds a stale read: one that is sent more than the bound after a newer value was committed', () => {
    assert.deepEqual(rulesOf(wrote(2, 0, 10), read(1, 2_010)), []);
    const { violations } = check(wrote(2, 0, 10), wrote(3, 20, 1_000), read(1, 2_011));
    assert.deepEqual(
      violations.map(({ rule, expected }) => [rule, expected]),
      [['stale', 2]],
    );
  });

  it('measures age by the first value that was missed, not by the last', () => {
    assert.deepEqual(rulesOf(wrote(2, 0, 10), wrote(3, 1_900, 2_000), read(1, 2_050)), ['stale']);
    assert.deepEqual(rulesOf(wrote(2, 0, 10), wrote(3, 1_900, 2_000), read(2, 2_050)), []);
  });

  it('tells a value that a process took back from one that it never let go', () => {
    const events = [wrote(2, 0, 10), read(2, 20), read(1, 2_100)];
    assert.deepEqual(rulesOf(...events), ['resurrected']);
    assert.deepEqual(rulesOf(wrote(2, 0, 10), read(2, 20, { at: 'web 2' }), read(1, 2_100)), ['stale']);
  });

  it('finds a client that goes back though it carries its token, through other processes as well', () => {
    const seen = [wrote(2, 0, 10), read(2, 20, { tokenOut: 'a' })];
    assert.deepEqual(rulesOf(...seen, read(1, 40, { tokenIn: 'a', at: 'mobile 1' })), ['backward']);
    assert.deepEqual(rulesOf(...seen, read(1, 40)), []);
    assert.equal(check(...seen, read(1, 40)).backwardWithoutToken, 1);
  });

  it('finds what a token carries on over answers that don’t show it', () => {
    const events = [
      wrote(2, 0, 10),
      read(2, 20, { tokenOut: 'a' }),
      read(0, 40, { values: { 'stock:p1': 1 }, tokenIn: 'a', tokenOut: 'b' }),
      read(1, 60, { tokenIn: 'b', client: 'another that was handed it' }),
    ];
    assert.deepEqual(rulesOf(...events), ['backward']);
  });

  it('finds a lost write: a command that its client does not see', () => {
    assert.deepEqual(rulesOf(wrote(2, 0, 10, { tokenOut: 'a' }), read(1, 20, { tokenIn: 'a' })), ['lost']);
    assert.deepEqual(rulesOf(wrote(2, 0, 10, { tokenOut: 'a' }), read(2, 20, { tokenIn: 'a' })), []);
  });

  it('takes an answer that gives a token again at its word', () => {
    const events = [
      wrote(2, 0, 10),
      read(1, 20, { tokenOut: 'same' }),
      read(2, 40, { client: 'other', tokenOut: 'same' }),
      read(1, 60, { tokenIn: 'same' }),
    ];
    assert.deepEqual(rulesOf(...events), ['backward']);
  });

  it('asks nothing of a token that was given only later, or by nobody', () => {
    const later = read(2, 50, { tokenOut: 'a', client: 'other' });
    assert.deepEqual(rulesOf(wrote(2, 0, 10), later, read(1, 55, { tokenIn: 'a' })), []);
    assert.deepEqual(rulesOf(wrote(2, 0, 10), read(1, 20, { tokenIn: 'forged' })), []);
  });

  it('finds a value that nobody wrote, or only later', () => {
    assert.deepEqual(rulesOf(read(7, 0)), ['unwritten']);
    assert.deepEqual(rulesOf(read(2, 0), wrote(2, 11, 20)), ['unwritten']);
    assert.deepEqual(rulesOf(read(2, 0), wrote(2, 10, 20)), []);
  });

  it('lets a write of which nobody knows be there or not, but not go away from who saw it', () => {
    const unknown = wrote(2, 0, null);
    assert.deepEqual(rulesOf(unknown, read(1, 5_000), read(2, 5_100)), []);
    assert.deepEqual(rulesOf(unknown, read(2, 20, { tokenOut: 'a' }), read(1, 40, { tokenIn: 'a' })), [
      'backward',
    ]);
  });

  it('judges a history that goes on as it judges the whole', () => {
    const events = [
      wrote(2, 0, 10),
      read(2, 20, { tokenOut: 'a' }),
      read(1, 2_100, { tokenIn: 'a' }),
      wrote(3, 2_105, 9_000),
      // It shows a write that began after it was sent and is known long after it has its answer.
      read(3, 2_100, { tokenIn: 'a', client: 'other' }),
      read(7, 9_500),
    ];
    const checker = createHistoryChecker({ 'price:p1': 1 }, boundMs);
    const over = (event: Event) => (event.kind === 'read' ? event.received : Number(event.acknowledged));
    for (const event of events.toSorted((a, b) => over(a) - over(b))) {
      checker.add(event);
      const left = events.filter((other) => over(other) > over(event));
      checker.judgeBefore(
        Math.min(over(event), ...left.map((other) => (other.kind === 'read' ? other.sent : other.invoked))),
      );
    }
    const whole = check(...events);
    assert.deepEqual(
      whole.violations.map(({ rule }) => rule),
      ['resurrected', 'backward', 'unwritten'],
    );
    assert.deepEqual(checker.end(), whole);
  });

  it('knows what was seen with a command’s own answer from the moment on at which it came', () => {
    const own = read(1, 10, { received: 10, tokenIn: 'a' });
    assert.deepEqual(rulesOf(wrote(2, 0, 10, { tokenOut: 'a' }), own), ['lost']);
  });
});
