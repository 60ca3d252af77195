import type { Event, Read } from './history.ts';
import { createRegisters, type Register } from './registers.ts';
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
  readonly violations: readonly Violation[];
  /** How many values were older than one that the same client had seen before, with no token that says so. */
  readonly backwardWithoutToken: number;
  /** For how long the oldest value had been replaced when its read was sent, in milliseconds. */
  readonly oldestMs: number;
  /** From each commit to the first answer of each process that shows it, in milliseconds. */
  readonly seenAfterMs: readonly number[];
}

/**
 * Judges a whole history. A value may lag behind the commits by the bound and no further; a client with its token never
 * sees an older value than it saw, or wrote, before; and what is seen was written.
 * @param initial of each key, before the history begins
 * @param boundMs how old a value may be, from its commit's acknowledgement to the sending of the read
 */
export function checkHistory(
  events: readonly Event[],
  initial: Readonly<Record<string, number>>,
  boundMs: number,
): Verdict {
  const writes = events.filter((event) => event.kind === 'write');
  const reads = events.filter((event) => event.kind === 'read');
  const registers = createRegisters(writes, initial);
  const violations: Violation[] = [];
  const floors = createTokenFloors();
  const ofClients = new Map<string, Map<string, number>>();
  let backwardWithoutToken = 0;
  let oldestMs = 0;
  let values = 0;

  const judge = (read: Read, key: string, value: number, register: Register, floor: Floor | undefined) => {
    const found = (rule: Rule, expected: number, because: Event | undefined) =>
      violations.push({ rule, key, read, expected, because });
    values += 1;
    if (!register.wasInvoked(value, read.received)) found('unwritten', register.initial, undefined);
    const missed = register.firstAcknowledgedAbove(value);
    if (missed !== undefined) {
      const ageMs = read.sent - missed.acknowledged;
      oldestMs = Math.max(oldestMs, ageMs);
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
    const floorsOf = floors.of(read.tokenIn);
    const seen = ofClients.get(read.client);
    for (const [key, value] of Object.entries(read.values)) {
      const floor = floorsOf?.get(key);
      judge(read, key, value, registers.of(key), floor);
      if (floor === undefined && value < (seen?.get(key) ?? value)) backwardWithoutToken += 1;
    }
  };
  const end = (event: Event) => {
    floors.give(event);
    if (event.kind === 'write') return;
    const seen = ofClients.get(event.client) ?? new Map<string, number>();
    ofClients.set(event.client, seen);
    for (const [key, value] of Object.entries(event.values)) {
      seen.set(key, Math.max(value, seen.get(key) ?? value));
    }
  };

  registers.learn(reads);
  for (const { event, isEnd } of inOrderOfTime(events)) {
    if (isEnd) end(event);
    else if (event.kind === 'read') begin(event);
  }
  return {
    answers: reads.length,
    values,
    writes: writes.length,
    violations,
    backwardWithoutToken,
    oldestMs,
    seenAfterMs: registers.seenAfterMs(),
  };
}

/** Where the same moment has both, ends come first: a client sends its next request when it has the answer. */
function inOrderOfTime(events: readonly Event[]) {
  const moments = events.flatMap((event) => {
    const [from, to] =
      event.kind === 'read' ? [event.sent, event.received] : [event.invoked, event.acknowledged];
    const begin = { at: from, isEnd: false, event };
    return to === null ? [begin] : [begin, { at: to, isEnd: true, event }];
  });
  return moments.sort((a, b) => a.at - b.at || Number(b.isEnd) - Number(a.isEnd));
}
