import { setTimeout as delay } from 'node:timers/promises';
import type { EventSource } from '@portico/contracts/events/change-event.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import type { EventHub, HubMessage, HubRecord, Position, Progress } from '../hub/event-hub.ts';
import { PositionGone } from '../hub/event-hub.ts';
import type { ChangeNode, Commit, Requirement, Sight } from './change-node.ts';
import { createChangeTags } from './change-tags.ts';
import { type ChangeWindow, createChangeWindow } from './change-window.ts';
import { type HeardSource, hasSeen, isBelow, isTrusted, lagOf } from './heard-source.ts';
import { createNodeMetrics } from './node-metrics.ts';
import { createWaiters } from './waiters.ts';

export interface ChangeNodeOptions {
  readonly hub: EventHub;
  /** How the events of each source are understood. */
  readonly sources: readonly EventSource[];
  /** How old an answer may be at the most, in milliseconds from the commit. */
  readonly boundMs?: number;
  /** How far the clocks of two machines may be apart, in milliseconds. */
  readonly clockSkewMs?: number;
  /** How many records are remembered at least, and loaded at the start. */
  readonly windowRecords?: number;
  /** How many tags and commits are remembered; a window full of them is shorter than `windowRecords`. */
  readonly windowEntries?: number;
  readonly log: Logger;
  readonly metrics?: Metrics;
  readonly now?: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly steadyNow?: () => number;
  /** Waits before the hub is tried again. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const pageRecords = 1_000;
const firstPauseMs = 50;
const longestPauseMs = 2_000;

/** All that is known of one log. */
interface Known {
  applied: Position;
  readonly window: ChangeWindow;
  readonly heard: Map<string, HeardSource>;
  /** Numbers up to here may have meant other records once. */
  readonly rewrittenTo: number;
  last: HubRecord | undefined;
}

/**
 * Follows a hub, from now until `close`:
 * 1. loads the last records, then says `applied`;
 * 2. applies what comes, and tries again with growing pauses when the hub is lost;
 * 3. after that goes on where it was, if the hub has the same record at that place, or else starts from nothing.
 */
export function createChangeNode(options: ChangeNodeOptions): ChangeNode {
  const { hub, log, now = Date.now, steadyNow = () => performance.now(), pause = pauseFor } = options;
  const { boundMs = 2_000, clockSkewMs = 100, windowRecords = 20_000, windowEntries = 200_000 } = options;
  const clocks = { boundMs, clockSkewMs, now, steadyNow };
  const tagsOf = createChangeTags(options.sources, log);
  const waiters = createWaiters();
  const listeners = new Set<(record: HubRecord, tags: ReadonlySet<string>) => void>();
  const closing = new AbortController();
  let known: Known | undefined;

  const hear = (to: Known, said: Progress) => {
    const { source, offset, committedAt, xmin, number } = said;
    const at = { heardAt: now(), steadyHeardAt: steadyNow() };
    to.heard.set(source, { number, log: offset.log, committedAt, xmin, ...at });
  };

  const applyRecord = (to: Known, record: HubRecord): ReadonlySet<string> => {
    const { number, source, offset, xid, part, committedAt } = record;
    const before = to.heard.get(source);
    const tags = tagsOf(record);
    const whole = part === undefined || part.number === part.of;
    to.window.add(number, tags, whole ? nameOf(source, offset.log, xid) : undefined);
    to.applied = { epoch: to.applied.epoch, number };
    to.last = record;
    // A source that was restored gives its xids again.
    hear(to, { source, offset, committedAt, number, xmin: before?.log === offset.log ? before.xmin : '0' });
    return tags;
  };

  const tell = (record: HubRecord, tags: ReadonlySet<string>) => {
    for (const listener of listeners) {
      try {
        listener(record, tags);
      } catch (error) {
        log.error({ error, number: record.number }, 'a listener of changes failed');
      }
    }
  };

  /** Takes over what was said, unless it speaks of records that aren't applied, or is older than what is known. */
  const applyProgress = (to: Known, progress: Progress) => {
    const { number: known = 0 } = to.heard.get(progress.source) ?? {};
    if (progress.number <= to.applied.number && progress.number >= known) hear(to, progress);
  };

  const receive = (to: Known) => (messages: readonly HubMessage[]) => {
    for (const message of messages) {
      if (message.kind === 'progress') applyProgress(to, message.progress);
      else if (message.record.number > to.applied.number) {
        if (message.record.number !== to.applied.number + 1) {
          throw new Error(`record ${message.record.number} came after ${to.applied.number}`);
        }
        tell(message.record, applyRecord(to, message.record));
      }
    }
    waiters.wake();
  };

  const load = async (rewritten: Known | undefined): Promise<Known> => {
    const progress = await hub.progress();
    const { epoch, first, last } = await hub.range();
    const after = Math.max(first - 1, last - windowRecords);
    const loading: Known = {
      applied: { epoch, number: after },
      window: createChangeWindow(after, { records: windowRecords, entries: windowEntries }),
      heard: new Map(),
      rewrittenTo:
        rewritten?.applied.epoch === epoch
          ? Math.max(rewritten.applied.number, rewritten.rewrittenTo, last)
          : 0,
      last: undefined,
    };
    while (loading.applied.number < last) {
      const records = await hub.read(loading.applied, pageRecords);
      if (records.length === 0) throw new Error(`the hub has no record above ${loading.applied.number}`);
      for (const record of records) applyRecord(loading, record);
    }
    for (const each of progress) applyProgress(loading, each);
    return loading;
  };

  /** Whether the hub still has the record that was applied last, at the same place. */
  const isSameLog = async ({ applied, last }: Known): Promise<boolean> => {
    const { epoch, number } = applied;
    const range = await hub.range();
    if (range.epoch !== epoch || range.last < number) return false;
    if (last === undefined) return range.first <= number + 1;
    const [record] = await hub.read({ epoch, number: number - 1 }, 1);
    return record !== undefined && isSame(record, last);
  };

  const startFromNothing = (reason: string) => {
    log.warn({ reason }, 'the log of the hub is another one: what was known of changes is forgotten');
    known = undefined;
    waiters.sendAway();
  };

  let rewritten: Known | undefined;
  const follow = async (connected: () => void) => {
    const before = known;
    if (before !== undefined && !(await isSameLog(before))) {
      rewritten = before;
      startFromNothing('another record at our position');
    }
    known ??= await load(rewritten);
    rewritten = undefined;
    const current = known;
    waiters.wake();
    connected();
    await hub.tail(current.applied, receive(current), closing.signal);
  };

  const run = async () => {
    let pauseMs = firstPauseMs;
    while (!closing.signal.aborted) {
      try {
        await follow(() => {
          pauseMs = firstPauseMs;
        });
        if (closing.signal.aborted) return;
      } catch (error) {
        if (closing.signal.aborted) return;
        if (error instanceof PositionGone && known !== undefined) {
          rewritten = known;
          startFromNothing(error.message);
        }
        log.warn({ error, pauseMs }, 'the event hub is lost');
      }
      await pause(pauseMs, closing.signal).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  };

  const heardOf = (source: string) => known?.heard.get(source);
  const trusts = (source: string) => {
    const heard = heardOf(source);
    return heard !== undefined && isTrusted(heard, clocks);
  };
  const hasApplied = ({ source, xid }: Commit) => {
    const heard = heardOf(source);
    if (known === undefined || heard === undefined) return false;
    return isBelow(xid, heard.xmin) || known.window.hasCommit(nameOf(source, heard.log, xid));
  };
  const sees = (sight: Sight) => {
    const heard = heardOf(sight.source);
    return heard !== undefined && hasSeen(heard, sight, clocks);
  };
  const isReached = ({ position, commits, seen }: Requirement) =>
    known !== undefined && isAt(known.applied, position) && commits.every(hasApplied) && seen.every(sees);
  const states = () =>
    [...(known?.heard ?? [])].map(([source, heard]) => ({
      source,
      lagMs: lagOf(heard, clocks),
      trusted: isTrusted(heard, clocks),
    }));

  if (options.metrics !== undefined) createNodeMetrics(options.metrics, states);
  const running = run();
  return {
    get applied(): Position | undefined {
      return known?.applied;
    },
    get floor() {
      return known === undefined ? 0 : Math.max(known.window.floor, known.rewrittenTo);
    },
    lastChange: (tag) => known?.window.lastChange(tag),
    follows: (source) => known === undefined || known.heard.has(source),
    isTrusted: trusts,
    hasApplied,
    hasSeen: sees,
    reaches: (requirement, timeoutMs, signal) =>
      waiters.wait(() => isReached(requirement), timeoutMs, signal),
    onApplied: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    states,
    close: async () => {
      closing.abort(new Error('the node is closed'));
      waiters.sendAway();
      await running;
    },
  };
}

const pauseFor = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal });

const nameOf = (source: string, log: string, xid: string) => `${source} ${log} ${xid}`;

function isAt(applied: Position, position: Position | undefined): boolean {
  return position === undefined || (applied.epoch === position.epoch && applied.number >= position.number);
}

function isSame(one: HubRecord, other: HubRecord): boolean {
  return (
    one.source === other.source &&
    one.xid === other.xid &&
    one.offset.log === other.offset.log &&
    one.offset.at === other.offset.at &&
    one.part?.number === other.part?.number
  );
}
