import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { keepProcess, restartDelayMs } from './kept-process.ts';

test('waits before restarts grow from 200 ms to 5 s and no further', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 50].map(restartDelayMs),
    [200, 400, 800, 1600, 3200, 5000, 5000, 5000],
  );
});

/** A process played by an event emitter, so that its life takes no time. */
function played() {
  const children: EventEmitter[] = [];
  const deathsInARow: number[] = [];
  let nowMs = 0;
  let forked = (): void => {};
  keepProcess({
    name: 'played',
    fork: () => {
      const child = new EventEmitter();
      children.push(child);
      forked();
      return child as ChildProcess;
    },
    lastComplaint: () => '',
    onChange: () => {},
    restartDelayMs: (deaths) => {
      deathsInARow.push(deaths);
      return 0;
    },
    healthyAfterMs: 10_000,
    now: () => nowMs,
  });
  /** Lets the running process be ready, live for `ms` and die; settles when the next one was started. */
  const live = async (ms: number) => {
    const next = new Promise<void>((resolve) => {
      forked = resolve;
    });
    children.at(-1)?.emit('message', { ready: { url: '' } });
    nowMs += ms;
    children.at(-1)?.emit('exit', null, 'SIGKILL');
    await next;
  };
  const end = () => children.at(-1)?.emit('message', { ready: null });
  return { live, end, deathsInARow };
}

test('deaths in a row are counted, and anew after 10 s in good health', async () => {
  const { live, end, deathsInARow } = played();
  for (const ms of [100, 100, 9_999, 10_000, 100]) await live(ms);
  end();
  assert.deepEqual(deathsInARow, [1, 2, 3, 1, 2]);
});
