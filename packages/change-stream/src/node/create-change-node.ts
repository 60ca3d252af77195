import { setTimeout as delay } from 'node:timers/promises';
import type { EventSource } from '@portico/contracts/events/change-event.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import { type EventHub, type HubMessage, type HubRecord, PositionGone } from '../hub/event-hub.ts';
import { type EventTracing, traceRecords } from '../hub/trace-records.ts';
import type { ChangeNode } from './change-node.ts';
import { createChangeTags } from './change-tags.ts';
import { createKnownLog, type KnownLog } from './known-log.ts';
import { createNodeMetrics } from './node-metrics.ts';
import { createWaiters } from './waiters.ts';

export interface ChangeNodeOptions {
  readonly hub: EventHub;
  /** How the events of each source are understood. */
  readonly sources: readonly EventSource[];
  /** Sources that say nothing of their changes, whatever the hub may have heard of them once: their answers live by a time. */
  readonly silent?: readonly string[];
  /** How old an answer may be at the most, in milliseconds from the commit. */
  readonly boundMs?: number;
  /** How far the clocks of two machines may be apart, in milliseconds. */
  readonly clockSkewMs?: number;
  /** How many records are remembered at least, and loaded at the start. */
  readonly windowRecords?: number;
  /** How many tags and commits are remembered; a window full of them is shorter than `windowRecords`. */
  readonly windowEntries?: number;
  /** After so long without a word, not even a progress, the hub is taken as lost and asked anew; in milliseconds. */
  readonly silenceMs?: number;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Records when changes of a trace are known here; nothing is recorded when left out. */
  readonly tracing?: EventTracing;
  readonly now?: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly steadyNow?: () => number;
  /** Waits before the hub is tried again. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const pageRecords = 1_000;
const firstPauseMs = 50;
const longestPauseMs = 2_000;

/**
 * Follows a hub, from now until `close`:
 * 1. loads the last records, then says `applied`;
 * 2. applies what comes, and tries again with growing pauses when the hub is lost;
 * 3. after that goes on where it was, if the hub has the same record at that place, or else starts from nothing.
 */
export function createChangeNode(options: ChangeNodeOptions): ChangeNode {
  const { hub, log, now = Date.now, steadyNow = () => performance.now(), pause = pauseFor } = options;
  const { boundMs = 2_000, clockSkewMs = 100, silenceMs = 10_000 } = options;
  const { silent = [], windowRecords = 20_000, windowEntries = 100_000 } = options;
  const waiters = createWaiters();
  const listeners = new Set<(record: HubRecord, tags: ReadonlySet<string>) => void>();
  const loadListeners = new Set<() => void>();
  const closing = new AbortController();
  let known: KnownLog | undefined;
  /** How far numbers of `epoch` may have meant other records. */
  let rewritten = { epoch: '', to: 0 };

  const states = () => known?.states() ?? [];
  const measure = options.metrics && createNodeMetrics(options.metrics, states, now);
  const tell = (record: HubRecord, tags: ReadonlySet<string>) => {
    // Of what is loaded at first nobody is told.
    if (known === undefined) return;
    measure?.(record);
    for (const listener of listeners) {
      try {
        listener(record, tags);
      } catch (error) {
        log.error({ err: error, number: record.number }, 'a listener of changes failed');
      }
    }
  };
  const knownLog = {
    window: { records: windowRecords, entries: windowEntries },
    clocks: { boundMs, clockSkewMs, now, steadyNow },
    tagsOf: createChangeTags(options.sources, log),
    tell,
  };

  const load = async (): Promise<KnownLog> => {
    const progress = await hub.progress();
    const { epoch, first, last } = await hub.range();
    const number = Math.max(first - 1, last - windowRecords);
    // What was kept at the very end of the earlier log counts no more, also where this one is no longer.
    const rewrittenTo = rewritten.epoch === epoch ? Math.max(rewritten.to + 1, last) : 0;
    const loading = createKnownLog({ epoch, number }, rewrittenTo, knownLog);
    while (loading.applied.number < last) {
      const records = await hub.read(loading.applied, pageRecords);
      if (records.length === 0) throw new Error(`the hub has no record above ${loading.applied.number}`);
      for (const record of records) loading.apply({ kind: 'record', record });
    }
    for (const each of progress) loading.apply({ kind: 'progress', progress: each });
    return loading;
  };

  /** Whether the hub still has the record that was applied last, at the same place. */
  const isSameLog = async ({ applied: { epoch, number }, last }: KnownLog): Promise<boolean> => {
    const range = await hub.range();
    if (range.epoch !== epoch || range.last < number) return false;
    if (last === undefined) return range.first <= number + 1;
    const [record] = await hub.read({ epoch, number: number - 1 }, 1);
    return record !== undefined && isSame(record, last);
  };

  const startFromNothing = ({ applied, floor }: KnownLog) => {
    log.warn({ applied }, 'the log of the hub is another one: what was known of changes is forgotten');
    rewritten = { epoch: applied.epoch, to: Math.max(applied.number, floor) };
    known = undefined;
    waiters.sendAway();
  };

  const applyTraced = (to: KnownLog, message: HubMessage) => {
    if (message.kind === 'progress') return to.apply(message);
    traceRecords(
      options.tracing,
      () => ({ operation: 'apply' }),
      [message.record],
      (records) => {
        for (const record of records) to.apply({ kind: 'record', record });
      },
    );
  };

  /** Ends when the hub is lost, or says nothing at all for so long that it must be. */
  const listen = async (to: KnownLog, heard: () => void) => {
    const silent = new AbortController();
    const silence = setTimeout(() => silent.abort(new Error('the hub is silent')), silenceMs);
    const receive = (messages: readonly HubMessage[]) => {
      silence.refresh();
      heard();
      for (const message of messages) applyTraced(to, message);
      waiters.wake();
    };
    try {
      await hub.tail(to.applied, receive, AbortSignal.any([closing.signal, silent.signal]));
    } finally {
      clearTimeout(silence);
    }
  };

  const follow = async (heard: () => void) => {
    if (known !== undefined && !(await isSameLog(known))) startFromNothing(known);
    if (known === undefined) {
      known = await load();
      for (const listener of loadListeners) listener();
    }
    waiters.wake();
    await listen(known, heard);
  };

  const run = async () => {
    let pauseMs = firstPauseMs;
    const heard = () => {
      pauseMs = firstPauseMs;
    };
    while (!closing.signal.aborted) {
      try {
        await follow(heard);
      } catch (error) {
        if (closing.signal.aborted) return;
        if (error instanceof PositionGone && known !== undefined) startFromNothing(known);
        log.warn({ err: error, pauseMs }, 'the event hub is lost');
      }
      if (closing.signal.aborted) return;
      await pause(pauseMs, closing.signal).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  };

  const running = run();
  return {
    get applied() {
      return known?.applied;
    },
    get floor() {
      return known?.floor ?? 0;
    },
    lastChange: (tag) => known?.lastChange(tag),
    follows: (source) => !silent.includes(source) && (known?.follows(source) ?? true),
    isTrusted: (source) => known?.isTrusted(source) ?? false,
    hasApplied: (commit) => known?.hasApplied(commit) ?? false,
    hasSeen: (sight) => known?.hasSeen(sight) ?? false,
    reaches: (requirement, timeoutMs, signal) =>
      waiters.wait(() => known?.isReached(requirement) ?? false, timeoutMs, signal),
    onApplied: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onLoaded: (listener) => {
      loadListeners.add(listener);
      return () => loadListeners.delete(listener);
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

function isSame(one: HubRecord, other: HubRecord): boolean {
  return (
    one.source === other.source &&
    one.xid === other.xid &&
    one.offset.log === other.offset.log &&
    one.offset.at === other.offset.at &&
    one.part?.number === other.part?.number
  );
}
