import type { Event, Read } from './history.ts';
import { createRegisters } from './registers.ts';
import { createTokenFloors, type Floor } from './token-floors.ts';

/**
 * - `stale`: a newer value was committed for longer than the bound when the read was sent.
 * - `resurrected`: the same, and the process that answered had shown the newer one for longer than the bound.
 * - `backward`: older than what an answer showed whose token the read carried.
 * - `lost`: older than the command whose token the read carried.
 * - `unwritten`: nobody had written it when it was read.
 */
export type Rule = 'stale' | 'resurrected' | 'backward' | 'lost' | 'unwritten';

export interface Violation {
  readonly rule: Rule;
  readonly key: string;
  readonly read: Read;
  /** The least value that the read should have shown. */
  readonly expected: number;
  /** What says so. */
  readonly because: Event | undefined;
}

export interface Verdict {
  readonly answers: number;
  readonly values: number;
  readonly writes: number;
  /** How many of the answers were to a token. */
  readonly withToken: number;
  readonly violations: readonly Violation[];
  /** How many values were older than one that the same client had seen before, with no token that says so. */
  readonly backwardWithoutToken: number;
  /** For how long the oldest value had been replaced when its read was sent, in milliseconds. */
  readonly oldestMs: number;
  /** From each commit to the first answer of each process that shows it, in milliseconds. */
  readonly seenAfterMs: readonly number[];
}

/** Judges a history while it goes on: a read is forgotten as soon as it is judged. */
export interface HistoryChecker {
  /** Takes what has happened, in any order. */
  add(event: Event): void;
  /** Judges what was over before this moment. All that began before it has to be there. */
  judgeBefore(moment: number): void;
  readonly violations: readonly Violation[];
  /** Judges all that is left. */
  end(): Verdict;
}

/** Judges a whole history, as `createHistoryChecker` does. */
export function checkHistory(
  events: readonly Event[],
  initial: Readonly<Record<string, number>>,
  boundMs: number,
): Verdict {
  const checker = createHistoryChecker(initial, boundMs);
  for (const event of events) checker.add(event);
  return checker.end();
}

/**
 * A value may lag behind the commits by the bound and no further; a client with its token never sees an older value than it
 * saw, or wrote, before; and what is seen was written.
 * @param initial of each key, before the history begins
 * @param boundMs how old a value may be, from its commit's acknowledgement to the sending of the read
 */
export function createHistoryChecker(
  initial: Readonly<Record<string, number>>,
  boundMs: number,
): HistoryChecker {
  const registers = createRegisters(initial);
  const floors = createTokenFloors();
  const violations: Violation[] = [];
  const ofClients = new Map<string, Map<string, number>>();
  /** What each read under way has to show by its token. */
  const floorsOfReads = new Map<Read, ReadonlyMap<string, Floor>>();
  const counts = { answers: 0, values: 0, writes: 0, withToken: 0, backwardWithoutToken: 0, oldestMs: 0 };
  let left: Moment[] = [];

  const judge = (read: Read, key: string, value: number, floor: Floor | undefined) => {
    const register = registers.of(key);
    const found = (rule: Rule, expected: number, because: Event | undefined) =>
      violations.push({ rule, key, read, expected, because });
    counts.values += 1;
    if (!register.wasInvoked(value, read.received)) found('unwritten', register.initial, undefined);
    const missed = register.firstAcknowledgedAbove(value);
    if (missed !== undefined) {
      const ageMs = read.sent - missed.acknowledged;
      counts.oldestMs = Math.max(counts.oldestMs, ageMs);
      if (ageMs > boundMs) {
        const isOldHat = register.shownSince(read.at, value) < read.sent - boundMs;
        found(isOldHat ? 'resurrected' : 'stale', missed.value, missed);
      }
    }
    if (floor !== undefined && value < floor.value) {
      found(floor.from.kind === 'write' ? 'lost' : 'backward', floor.value, floor.from);
    }
  };

  const begin = (read: Read) => {
    const floor = floors.of(read.tokenIn);
    if (floor !== undefined) floorsOfReads.set(read, floor);
    const seen = ofClients.get(read.client);
    for (const key in read.values) {
      const value = read.values[key] as number;
      if (!floor?.has(key) && value < (seen?.get(key) ?? value)) counts.backwardWithoutToken += 1;
    }
  };
  /** Writes that began while it was under way are known only now. */
  const end = (read: Read) => {
    if (read.sent === read.received) begin(read);
    const floor = floorsOfReads.get(read);
    floorsOfReads.delete(read);
    counts.answers += 1;
    if (read.tokenIn !== undefined) counts.withToken += 1;
    const seen = ofClients.get(read.client) ?? new Map<string, number>();
    ofClients.set(read.client, seen);
    for (const key in read.values) {
      const value = read.values[key] as number;
      judge(read, key, value, floor?.get(key));
      registers.of(key).show(read.at, value, read.received);
      seen.set(key, Math.max(value, seen.get(key) ?? value));
    }
  };
  const live = ({ event, isEnd }: Moment) => {
    if (isEnd) floors.give(event);
    if (event.kind === 'write') return;
    if (isEnd) end(event);
    else begin(event);
  };
  const judgeBefore = (moment: number) => {
    const over = left.filter(({ at }) => at < moment);
    left = left.filter(({ at }) => at >= moment);
    for (const one of over.sort(byTime)) live(one);
  };

  return {
    violations,
    judgeBefore,
    add: (event) => {
      if (event.kind === 'read') {
        if (event.sent < event.received) left.push({ at: event.sent, isEnd: false, event });
        left.push({ at: event.received, isEnd: true, event });
        return;
      }
      counts.writes += 1;
      registers.of(event.key).write(event);
      if (event.acknowledged !== null) left.push({ at: event.acknowledged, isEnd: true, event });
    },
    end: () => {
      judgeBefore(Number.POSITIVE_INFINITY);
      return { ...counts, violations, seenAfterMs: registers.seenAfterMs() };
    },
  };
}

interface Moment {
  readonly at: number;
  readonly isEnd: boolean;
  readonly event: Event;
}

/** Where the same moment has both, ends come first: a client sends its next request when it has the answer. */
function byTime(a: Moment, b: Moment): number {
  return a.at - b.at || Number(b.isEnd) - Number(a.isEnd);
}
