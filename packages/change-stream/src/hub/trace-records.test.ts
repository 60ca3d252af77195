import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import { traceRecords } from './trace-records.ts';
import { createTracingSpy, type TracingSpy } from './tracing-spy.fixture.ts';

let tracing: TracingSpy;
beforeEach(() => {
  tracing = createTracingSpy();
});

const traceOf = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;
const recordOf = (...traces: (string | undefined)[]) => ({
  source: 'orders',
  events: traces.map((traceparent, index): ChangeEvent => {
    const event = { id: `e${index}`, type: 'happened', key: 'k', data: { before: null, after: {} } };
    return traceparent === undefined ? event : { ...event, traceparent };
  }),
});
const fold = () => ({ operation: 'fold', consumer: 'test counts' }) as const;
const told = (records: readonly { readonly events: readonly ChangeEvent[] }[]) =>
  records.map(({ events }) => events.map(({ traceparent }) => traceparent));

test('a record has a span in each trace of its events, and they go on in it', () => {
  const [a, b] = [traceOf('a'), traceOf('b')];
  const records = [recordOf(a, b, a), recordOf(undefined)];
  const own = traceRecords(tracing, fold, records, told);
  assert.deepEqual(own, [[`${a} 1`, `${b} 2`, `${a} 1`], [undefined]]);
  assert.deepEqual(
    tracing.spans.map(({ parent, operation, destination, consumer, count }) => {
      return [parent, operation, destination, consumer, count];
    }),
    [
      [a, 'fold', 'orders', 'test counts', 2],
      [b, 'fold', 'orders', 'test counts', 1],
    ],
  );
});

test('records of no trace are given as they are', () => {
  const records = [recordOf(undefined)];
  assert.equal(
    traceRecords(tracing, fold, records, (own) => own),
    records,
  );
  assert.equal(
    traceRecords(undefined, fold, records, (own) => own),
    records,
  );
  assert.deepEqual(tracing.spans, []);
});

test('spans end when what was begun has ended, and say how', async () => {
  const records = [recordOf(traceOf('a'))];
  const failure = new Error('no');
  const { promise, resolve } = Promise.withResolvers<string>();
  const waiting = traceRecords(tracing, fold, records, () => promise);
  assert.equal(tracing.spans[0]?.end, undefined);
  resolve('done');
  assert.equal(await waiting, 'done');
  await assert.rejects(
    traceRecords(tracing, fold, records, () => Promise.reject(failure)),
    failure,
  );
  const fail = () => {
    throw failure;
  };
  assert.throws(() => traceRecords(tracing, fold, records, fail), failure);
  assert.deepEqual(
    tracing.spans.map(({ end }) => end),
    [{ error: undefined }, { error: failure }, { error: failure }],
  );
});
