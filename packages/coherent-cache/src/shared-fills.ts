import { ClientGone, DeadlineExceeded } from '@portico/runtime/request-context.ts';
import { unlessAborted } from '@portico/runtime/unless-aborted.ts';

export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

export type Settle<T> = (key: string, outcome: Outcome<T>) => void;

/**
 * Finds the values of some keys. It calls `settle` once for each, as soon as it knows; when it rejects, those it has not
 * settled are answered with its error. Soon after its signal aborts it has ended, one way or the other.
 */
export type Fill<T> = (
  keys: readonly string[],
  settle: Settle<T>,
  signal: AbortSignal,
  deadline: Deadline,
) => Promise<void>;

/** Epoch milliseconds until when anybody waits; put off when somebody joins who has more time. */
export type Deadline = () => number;

/** How one key was answered; `joined`: by a fill that somebody else had begun. */
export type Filled<T> = Outcome<T> & { readonly joined: boolean };

/** Who waits for a fill. */
export interface Waiter {
  readonly signal: AbortSignal;
  /** When this waiter will leave, in epoch milliseconds; it is not known when left out. */
  readonly deadline?: number | undefined;
  readonly anew?: boolean | undefined;
}

export interface SharedFills<T> {
  /**
   * Waits for the fills under way of those keys that others are filling, and fills the rest by one call of `fill`.
   * Answers key by key, in order: one that fails leaves the others alone. A fill belongs to nobody: it has a signal and a
   * time of its own, goes on when the one who began it leaves, and ends when the last who waits for it has left.
   * With `anew` it joins nobody: what others have begun to read may be older than what this reader has to see.
   * @throws the reason of `signal` as soon as it aborts; that is how a waiter leaves.
   */
  join(keys: readonly string[], fill: Fill<T>, waiter: Waiter): Promise<Filled<T>[]>;
}

/** One call of a fill function. */
interface Flight<T> {
  readonly ending: AbortController;
  /** Its keys without an outcome yet. */
  readonly open: Map<string, (outcome: Outcome<T>) => void>;
  /** How many calls of `join` wait for one of its keys. */
  waiters: number;
  /** The latest of theirs. */
  deadline: number;
  timer?: NodeJS.Timeout;
}

/** A key that is being filled. Its outcome never rejects, so nobody has to be there to hear of a failure. */
interface Pending<T> {
  readonly flight: Flight<T>;
  readonly outcome: Promise<Outcome<T>>;
}

/** @param options.timeoutMs the time of one fill, whatever time those have who wait for it. */
export function createSharedFills<T>(options: { readonly timeoutMs: number }): SharedFills<T> {
  const pending = new Map<string, Pending<T>>();

  /** From now on the key, if it is still this flight's, is filled anew for whoever asks. */
  const release = (key: string, flight: Flight<T>) => {
    if (pending.get(key)?.flight === flight) pending.delete(key);
  };

  const settle = (key: string, flight: Flight<T>, outcome: Outcome<T>) => {
    release(key, flight);
    flight.open.get(key)?.(outcome);
    flight.open.delete(key);
  };

  const end = (flight: Flight<T>, reason: Error) => {
    clearTimeout(flight.timer);
    for (const key of flight.open.keys()) release(key, flight);
    flight.ending.abort(reason);
  };

  const run = async (flight: Flight<T>, fill: Fill<T>) => {
    const late = () => end(flight, new DeadlineExceeded('The time of this read is over.'));
    flight.timer = setTimeout(late, options.timeoutMs);
    const keys = [...flight.open.keys()];
    let error: unknown = new Error('the fill ended without a value for this key');
    try {
      const { signal } = flight.ending;
      await fill(
        keys,
        (key, outcome) => settle(key, flight, outcome),
        signal,
        () => flight.deadline,
      );
    } catch (thrown) {
      error = thrown;
    }
    clearTimeout(flight.timer);
    for (const key of keys) settle(key, flight, { error });
  };

  const leave = (flight: Flight<T>) => {
    flight.waiters -= 1;
    if (flight.waiters === 0 && flight.open.size > 0) end(flight, new ClientGone('Nobody waits any more.'));
  };

  return {
    join: async (keys, fill, { signal, deadline = Number.POSITIVE_INFINITY, anew = false }) => {
      signal.throwIfAborted();
      const own: Flight<T> = { ending: new AbortController(), open: new Map(), waiters: 0, deadline };
      const awaited = keys.map((key) => {
        const others = pending.get(key);
        if (others !== undefined && (!anew || others.flight === own)) return others;
        const { promise, resolve } = Promise.withResolvers<Outcome<T>>();
        const begun = { flight: own, outcome: promise };
        own.open.set(key, resolve);
        pending.set(key, begun);
        return begun;
      });
      const flights = new Set(awaited.map(({ flight }) => flight));
      for (const flight of flights) {
        flight.waiters += 1;
        flight.deadline = Math.max(flight.deadline, deadline);
      }
      if (own.open.size > 0) void run(own, fill);
      try {
        const outcomes = await unlessAborted(Promise.all(awaited.map(({ outcome }) => outcome)), signal);
        return outcomes.map((outcome, at) => ({ ...outcome, joined: awaited[at]?.flight !== own }));
      } finally {
        for (const flight of flights) leave(flight);
      }
    },
  };
}
