import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { afterEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClientGone, DeadlineExceeded } from '@portico/runtime/request-context.ts';
import { createSharedFills, type Fill, type Settle } from './shared-fills.ts';

const patientMs = 60_000;
const signal = () => new AbortController().signal;

const unended: (() => void)[] = [];
afterEach(() => {
  for (const end of unended.splice(0)) end();
});

/** A fill that waits for the test to settle its keys. */
function createFill() {
  const calls: {
    keys: readonly string[];
    settle: Settle<string>;
    signal: AbortSignal;
    end: (error?: unknown) => void;
  }[] = [];
  const fill: Fill<string> = (keys, settle, fillSignal) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = (error?: unknown) => (error === undefined ? resolve() : reject(error));
    unended.push(end);
    calls.push({ keys, settle, signal: fillSignal, end });
    return promise;
  };
  const call = (at: number) => {
    const made = calls[at];
    assert.ok(made, `fill ${at} was called`);
    return made;
  };
  return { fill, calls, call };
}

test('readers of one key share one fill', async () => {
  const { join } = createSharedFills<string>({ timeoutMs: patientMs });
  const { fill, calls, call } = createFill();
  const readers = [
    join(['a'], fill, { signal: signal() }),
    join(['a'], fill, { signal: signal() }),
    join(['a', 'a'], fill, { signal: signal() }),
  ];
  call(0).settle('a', { value: 'A' });
  assert.deepEqual(await Promise.all(readers), [
    [{ value: 'A', joined: false }],
    [{ value: 'A', joined: true }],
    [
      { value: 'A', joined: true },
      { value: 'A', joined: true },
    ],
  ]);
  assert.equal(calls.length, 1);
});

test('a reader joins the fills of others and fills only the rest', async () => {
  const { join } = createSharedFills<string>({ timeoutMs: patientMs });
  const { fill, call } = createFill();
  const first = join(['a', 'b'], fill, { signal: signal() });
  const second = join(['c', 'b', 'd'], fill, { signal: signal() });
  assert.deepEqual(call(1).keys, ['c', 'd']);
  for (const key of ['a', 'b']) call(0).settle(key, { value: `first ${key}` });
  for (const key of ['d', 'c']) call(1).settle(key, { value: `second ${key}` });
  await first;
  assert.deepEqual(await second, [
    { value: 'second c', joined: false },
    { value: 'first b', joined: true },
    { value: 'second d', joined: false },
  ]);
});

test('a reader has its answer as soon as its own keys are known', async () => {
  const { join } = createSharedFills<string>({ timeoutMs: patientMs });
  const { fill, call } = createFill();
  const both = join(['fast', 'slow'], fill, { signal: signal() });
  const one = join(['fast'], fill, { signal: signal() });
  call(0).settle('fast', { value: 'known' });
  assert.deepEqual(await one, [{ value: 'known', joined: true }]);
  assert.ok(!call(0).signal.aborted);
  call(0).settle('slow', { value: 'known too' });
  assert.equal((await both).length, 2);
});

test('what was filled is not kept: the next reader fills again', async () => {
  const { join } = createSharedFills<string>({ timeoutMs: patientMs });
  const { fill, calls, call } = createFill();
  const first = join(['a'], fill, { signal: signal() });
  call(0).settle('a', { value: 'old' });
  await first;
  const second = join(['a'], fill, { signal: signal() });
  assert.equal(calls.length, 2);
  call(1).settle('a', { value: 'new' });
  assert.deepEqual(await second, [{ value: 'new', joined: false }]);
});

test('a failure goes to all who wait for that key and to nobody else', async () => {
  const { join } = createSharedFills<string>({ timeoutMs: patientMs });
  const { fill, call } = createFill();
  const error = new Error('the service is down');
  const readers = [join(['a', 'b'], fill, { signal: signal() }), join(['b'], fill, { signal: signal() })];
  call(0).settle('a', { value: 'A' });
  call(0).end(error);
  assert.deepEqual(await Promise.all(readers), [
    [
      { value: 'A', joined: false },
      { error, joined: false },
    ],
    [{ error, joined: true }],
  ]);
});

test('a fill that throws, or forgets a key, answers it with an error', async () => {
  const { join } = createSharedFills<string>({ timeoutMs: patientMs });
  const error = new Error('at once');
  const thrown = await join(['a'], () => assert.fail(error), { signal: signal() });
  assert.deepEqual(thrown, [{ error, joined: false }]);
  const [forgotten] = await join(['a'], async () => {}, { signal: signal() });
  assert.match(String(forgotten && 'error' in forgotten && forgotten.error), /without a value/);
});

test('a reader that leaves does so with its own reason, and the fill goes on for the others', async () => {
  const { join } = createSharedFills<string>({ timeoutMs: patientMs });
  const { fill, call } = createFill();
  const leaver = new AbortController();
  const left = join(['a'], fill, { signal: leaver.signal });
  const stayed = join(['a'], fill, { signal: signal() });
  const reason = new Error('the client has gone');
  leaver.abort(reason);
  await assert.rejects(left, reason);
  assert.ok(!call(0).signal.aborted);
  call(0).settle('a', { value: 'A' });
  assert.deepEqual(await stayed, [{ value: 'A', joined: true }]);
});

test('when the last reader has left, the fill is ended and nobody joins it any more', async () => {
  const { join } = createSharedFills<string>({ timeoutMs: patientMs });
  const { fill, call } = createFill();
  const leavers = [new AbortController(), new AbortController()];
  const left = leavers.map((leaver) => join(['a'], fill, { signal: leaver.signal }));
  for (const leaver of leavers) leaver.abort(new Error('gone'));
  await Promise.allSettled(left);
  assert.ok(call(0).signal.reason instanceof ClientGone);

  const next = join(['a'], fill, { signal: signal() });
  call(0).settle('a', { value: 'of the ended fill' });
  call(0).end(new Error('aborted'));
  call(1).settle('a', { value: 'of the next fill' });
  assert.deepEqual(await next, [{ value: 'of the next fill', joined: false }]);
});

test('a fill is ended as soon as nobody waits for what is still open', async () => {
  const { join } = createSharedFills<string>({ timeoutMs: patientMs });
  const { fill, call } = createFill();
  const leaver = new AbortController();
  const left = join(['a', 'b'], fill, { signal: leaver.signal });
  const joined = join(['a'], fill, { signal: signal() });
  leaver.abort(new Error('gone'));
  await assert.rejects(left);
  assert.ok(!call(0).signal.aborted);
  call(0).settle('a', { value: 'A' });
  await joined;
  assert.ok(call(0).signal.aborted);
});

test('a fill has a time of its own; those who come later do not wait for one that is over', async () => {
  const { join } = createSharedFills<string>({ timeoutMs: 1 });
  const { fill, call } = createFill();
  const first = join(['a'], fill, { signal: signal() });
  await new Promise((resolve) => call(0).signal.addEventListener('abort', resolve));
  assert.ok(call(0).signal.reason instanceof DeadlineExceeded);
  const second = join(['a'], fill, { signal: signal() });
  call(1).settle('a', { value: 'second' });
  call(0).end(call(0).signal.reason);
  assert.deepEqual(await second, [{ value: 'second', joined: false }]);
  assert.deepEqual(await first, [{ error: call(0).signal.reason, joined: false }]);
});

test('a reader that has already left begins nothing', async () => {
  const { join } = createSharedFills<string>({ timeoutMs: patientMs });
  const { fill, calls } = createFill();
  const reason = new Error('long gone');
  await assert.rejects(join(['a'], fill, { signal: AbortSignal.abort(reason) }), reason);
  assert.equal(calls.length, 0);
});

test('one request can make many reads at once without a warning', async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  const { join } = createSharedFills<string>({ timeoutMs: patientMs });
  const request = signal();
  await Promise.all(
    Array.from({ length: 50 }, (_, at) => join([`${at}`], async () => {}, { signal: request })),
  );
  await nextTurn();
  process.off('warning', warned);
  assert.deepEqual(warnings, []);
});

test('readers that come, leave and fail in any order all get what they should', async () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    await playRandomly(seed).catch((cause: unknown) => {
      throw new Error(`the rules are broken with seed ${seed}`, { cause });
    });
  }
});

interface ModelFlight {
  readonly open: Set<string>;
  readonly readers: Set<ModelReader>;
  aborted: boolean;
  ended: boolean;
}

interface ModelReader {
  readonly leaving: AbortController;
  /** What each of its keys is answered with, once that is known. */
  readonly expected: (string | undefined)[];
  readonly waits: { readonly key: string; readonly flight: ModelFlight }[];
  state: 'waiting' | 'answered' | 'left';
  outcome: Promise<unknown>;
}

/** Random steps on the real thing and on a model of the rules, compared after each. */
async function playRandomly(seed: number): Promise<void> {
  const random = createRandom(seed);
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const { join } = createSharedFills<string>({ timeoutMs: patientMs });
  const { fill, calls, call } = createFill();
  const live = new Map<string, ModelFlight>();
  const flights: ModelFlight[] = [];
  const readers: ModelReader[] = [];

  const depart = (reader: ModelReader, state: 'answered' | 'left') => {
    reader.state = state;
    for (const flight of new Set(reader.waits.map((wait) => wait.flight))) {
      flight.readers.delete(reader);
      if (flight.readers.size > 0 || flight.open.size === 0) continue;
      flight.aborted = true;
      for (const key of flight.open) if (live.get(key) === flight) live.delete(key);
    }
  };

  const answer = (flight: ModelFlight, key: string, text: string) => {
    flight.open.delete(key);
    if (live.get(key) === flight) live.delete(key);
    for (const reader of [...flight.readers]) {
      for (const [at, wait] of reader.waits.entries()) {
        if (wait.flight === flight && wait.key === key) reader.expected[at] = text;
      }
    }
  };

  const departAnswered = () => {
    for (const reader of readers) {
      if (reader.state === 'waiting' && !reader.expected.includes(undefined)) depart(reader, 'answered');
    }
  };

  const steps = {
    join: () => {
      const keys = [...'abcd'].filter(() => random() < 0.5);
      const own: ModelFlight = { open: new Set(), readers: new Set(), aborted: false, ended: false };
      const waits = keys.map((key) => {
        const flight = live.get(key) ?? own;
        if (flight === own) own.open.add(key);
        return { key, flight };
      });
      const leaving = new AbortController();
      const outcome = join(keys, fill, { signal: leaving.signal }).catch((error: unknown) => error);
      const reader: ModelReader = {
        leaving,
        waits,
        outcome,
        expected: keys.map(() => undefined),
        state: 'waiting',
      };
      for (const { flight } of waits) flight.readers.add(reader);
      if (own.open.size > 0) {
        for (const key of own.open) live.set(key, own);
        flights.push(own);
        assert.deepEqual(new Set(call(calls.length - 1).keys), own.open);
      }
      assert.equal(calls.length, flights.length);
      readers.push(reader);
    },
    leave: () => {
      const reader = pick(readers.filter(({ state }) => state === 'waiting'));
      if (reader === undefined) return;
      reader.leaving.abort(`reader ${readers.indexOf(reader)} left`);
      depart(reader, 'left');
    },
    settle: () => {
      const flight = pick(flights.filter(({ open, ended }) => open.size > 0 && !ended));
      const key = flight && pick([...flight.open]);
      if (flight === undefined || key === undefined) return;
      const text = `${key} of fill ${flights.indexOf(flight)}`;
      call(flights.indexOf(flight)).settle(key, random() < 0.7 ? { value: text } : { error: text });
      answer(flight, key, text);
    },
    end: () => {
      const flight = pick(flights.filter(({ ended }) => !ended));
      if (flight === undefined) return;
      flight.ended = true;
      const text = `fill ${flights.indexOf(flight)} failed`;
      call(flights.indexOf(flight)).end(text);
      for (const key of [...flight.open]) answer(flight, key, text);
    },
  };

  const compare = async () => {
    departAnswered();
    await nextTurn();
    for (const [at, flight] of flights.entries()) assert.equal(call(at).signal.aborted, flight.aborted);
    for (const [at, reader] of readers.entries()) {
      const outcome = await Promise.race([reader.outcome, 'waiting']);
      if (reader.state === 'waiting') assert.equal(outcome, 'waiting');
      if (reader.state === 'left') assert.equal(outcome, `reader ${at} left`);
      if (reader.state !== 'answered') continue;
      const texts = (outcome as { value?: string; error?: string }[]).map(
        ({ value, error }) => value ?? error,
      );
      assert.deepEqual(texts, reader.expected);
      assert.equal(getEventListeners(reader.leaving.signal, 'abort').length, 0);
    }
  };

  for (let step = 0; step < 60; step += 1) {
    const name = pick(['join', 'join', 'leave', 'settle', 'settle', 'end'] as const) ?? 'join';
    steps[name]();
    await compare();
  }
  while (flights.some(({ ended }) => !ended)) {
    steps.end();
    await compare();
  }
  assert.ok(readers.every(({ state }) => state !== 'waiting'));
}

/** Numbers in [0, 1) that are the same for a seed every time (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
