import { setTimeout as delay } from 'node:timers/promises';
import { type ChangeEvent, everythingChanged } from '@portico/contracts/events/change-event.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import { createOutageLog } from '@portico/runtime/outage-log.ts';
import { createFaultMetrics } from '../faults/fault-metrics.ts';
import { type EventHub, type HubRecord, type Position, PositionGone } from '../hub/event-hub.ts';
import { type EventTracing, traceRecords } from '../hub/trace-records.ts';
import type { ChangeNode } from '../node/change-node.ts';
import { createWaiters } from '../node/waiters.ts';
import { foldRecords, keysOfRecords, startOf } from './fold-records.ts';
import { ViewFailed } from './folding.ts';
import type { ChangeListener, LiveView } from './live-view.ts';
import { rebuildView } from './rebuild-view.ts';
import { HistoryDamaged, type RecordHistory } from './record-history.ts';
import { isDoubted } from './set-aside.ts';
import type { View, ViewCursor } from './view.ts';
import { createViewFaults } from './view-faults.ts';
import { createViewMetrics } from './view-metrics.ts';
import type { ViewChange, ViewStore } from './view-store.ts';

export interface LiveViewOptions<State> {
  readonly view: View<State>;
  readonly store: ViewStore<State>;
  readonly node: ChangeNode;
  /** The hub that the node follows. */
  readonly hub: Pick<EventHub, 'range' | 'read'>;
  /** What the hub has let go of is read from here when the view is made anew; nothing of it is known when left out. */
  readonly history?: RecordHistory | undefined;
  readonly log: Logger;
  readonly metrics?: Metrics | undefined;
  /** Records what is folded of traces as it happens; nothing is recorded when left out. */
  readonly tracing?: EventTracing;
  /** Names the code that runs, in the faults that it opens beside the view's version: another one for each build. */
  readonly build?: string;
  /** How long a read waits until the view has come up, in milliseconds. */
  readonly waitMs?: number;
  /** Milliseconds of a clock that nobody sets. */
  readonly steadyNow?: () => number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Waits before store or hub are tried again. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const pageRecords = 500;
/** So many records may wait for the store; more are read from the hub again. */
const maxWaiting = 10_000;
/** So often the cursor is moved past records of other sources, before the hub lets go of its place. */
const passEveryMs = 10_000;
const firstPauseMs = 50;
const longestPauseMs = 2_000;

/**
 * Follows the node, from now until `close`:
 *  1. goes on from the store's cursor, or from the start of the log where there is none, or one of another log, and where the
 *     hub has let go of it: of the history, where there is one;
 *  2. reads what is above it from the hub, up to what the node has applied;
 *  3. from then on folds each record as soon as the node has applied it;
 *  4. begins again at 1 when the node has loaded anew, or the store or hub failed.
 * An event that the view's functions don't understand is set aside (`faults`). Where no more can be, it stands before that event,
 * trusted by nobody, and tries again until faults are repaired or other functions run.
 */
export function createLiveView<State>(options: LiveViewOptions<State>): LiveView<State> {
  const { view, store, node, hub, history, log, waitMs = 10, steadyNow = () => performance.now() } = options;
  const codeVersion = `${view.version}${options.build === undefined ? '' : `, build ${options.build}`}`;
  const context = { codeVersion, now: options.now ?? Date.now };
  const building = { view, store, hub, history, context };
  const { tracing, pause = (ms, signal) => delay(ms, undefined, { signal }) } = options;
  const closing = new AbortController();
  const waiters = createWaiters();
  const listeners = new Set<ChangeListener>();
  const outage = createOutageLog(log, {
    down: `the view ${view.name} is behind`,
    up: `the view ${view.name} has come up`,
  });

  /** Up to where this process has gone through the log. */
  let at: Position | undefined;
  /** The last record that the store must have. */
  let folded = 0;
  let movedAt = steadyNow();
  let waiting: HubRecord[] = [];
  let told = 0;
  let isFolding = false;
  let isLive = false;
  let isFailed = false;
  /** What is under way from before the last fall counts no more. */
  let turn = 0;
  let fallen = Promise.withResolvers<void>();

  const tell = (keys: ReadonlySet<string> | undefined, events: readonly ChangeEvent[] = []) => {
    for (const listener of listeners) listener(keys, events);
  };

  /** The view is not up to the node any more, and has to come up again. */
  const fall = (error?: unknown) => {
    turn += 1;
    isLive = false;
    isFolding = false;
    waiting = [];
    if (error instanceof ViewFailed) {
      if (isFailed) return fallen.resolve();
      isFailed = true;
      log.error({ err: error, view: view.name }, 'a view is not trusted any more, nor used');
      tell(undefined);
    } else if (error !== undefined) outage.down(String(error));
    fallen.resolve();
  };

  const sayOpened = (change: ViewChange<State> | undefined) => {
    for (const [name, entry] of change?.aside ?? []) {
      if (entry?.failure === undefined) continue;
      const { id, type, key } = entry.event;
      log.error(
        {
          err: entry.failure.error,
          view: view.name,
          codeVersion,
          fault: name.slice(0, -2),
          event: { id, type, key },
        },
        'an event is set aside: the view does not understand it',
      );
      faultMetrics?.opened();
    }
  };

  /** Folds records that follow `from`, at once where the store is in this process. */
  const fold = (records: readonly HubRecord[], from: Position): undefined | Promise<void> => {
    const last = records.at(-1);
    if (last === undefined) return undefined;
    const ofView = records.filter(({ source }) => view.sources.includes(source));
    const position = { epoch: from.epoch, number: last.number, mark: last.mark };
    // What a view that comes up folds happened long ago.
    const recorded = isLive ? tracing : undefined;
    const arrive = (keys: readonly string[], own: readonly HubRecord[], cursor?: ViewCursor) => {
      at = position;
      folded = ofView.at(-1)?.number ?? folded;
      if (cursor !== undefined) movedAt = steadyNow();
      const events = recorded === undefined ? [] : own.flatMap((record) => record.events);
      const isOfAny = isOfAll(ofView) || isDoubted(cursor?.faults ?? {}, []);
      if (ofView.length > 0) tell(isOfAny ? undefined : new Set(keys), events);
      waiters.wake();
    };
    if (ofView.length === 0 && steadyNow() - movedAt < passEveryMs) {
      arrive([], []);
      return undefined;
    }
    const keys = keysOfRecords(view, ofView);
    return traceRecords(
      recorded,
      () => ({ operation: 'fold', consumer: view.name }),
      ofView,
      (own) => {
        let change: ViewChange<State> | undefined;
        const updated = store.update(keys, (stored) => {
          change = foldRecords(view, records, from.epoch, stored, context);
          return change;
        });
        if (!(updated instanceof Promise)) {
          sayOpened(change);
          arrive(keys, own, updated);
          return undefined;
        }
        const ownTurn = turn;
        return updated.then((cursor) => {
          sayOpened(change);
          if (turn === ownTurn) arrive(keys, own, cursor);
        });
      },
    );
  };

  /** Folds what waits, one batch after the other. */
  const drain = () => {
    while (!isFolding && waiting.length > 0 && at !== undefined) {
      const records = waiting;
      waiting = [];
      const ownTurn = turn;
      const folding = fold(records, at);
      if (folding === undefined) continue;
      isFolding = true;
      folding
        .then(() => {
          if (turn !== ownTurn) return;
          isFolding = false;
          drain();
        })
        .catch((error: unknown) => {
          if (turn === ownTurn) fall(error);
        });
    }
  };

  const hear = (record: HubRecord) => {
    if (!isLive) return;
    const follows = node.applied?.epoch === at?.epoch && record.number === told + 1;
    if (!follows || waiting.length >= maxWaiting) return fall();
    told = record.number;
    waiting.push(record);
    try {
      drain();
    } catch (error) {
      fall(error);
    }
  };

  /** @returns undefined where that isn't needed, or will never do: then the hub has to be enough */
  const makeAnewFromHistory = async () => {
    if (history === undefined || (await hub.range()).first === 1) return undefined;
    try {
      return await rebuildView({ ...building, acceptsGaps: true, signal: closing.signal });
    } catch (error) {
      const isOver = error instanceof HistoryDamaged || error instanceof PositionGone;
      if (!isOver) throw error;
      log.error({ err: error, view: view.name }, 'a view can not be made anew from what was kept');
      return undefined;
    }
  };

  /** Makes the view anew, unless somebody else has done so since `found`. */
  const makeAnew = async (found: ViewCursor | undefined) => {
    const rebuilt = await makeAnewFromHistory();
    if (rebuilt !== undefined) return rebuilt.position;
    const { epoch, first } = await hub.range();
    const cursor = startOf(view, epoch, first);
    const cursorNow = await store.update([], (stored) =>
      JSON.stringify(stored.cursor) === JSON.stringify(found)
        ? { cursor, isCleared: true, states: new Map() }
        : undefined,
    );
    return (cursorNow ?? cursor).position;
  };

  /** Steps 1 and 2. */
  const comeUp = async () => {
    const { cursor } = await store.read([]);
    const { epoch } = await hub.range();
    let position = cursor?.position.epoch === epoch ? cursor.position : await makeAnew(cursor);
    at = position;
    folded = 0;
    while (node.applied !== undefined && !closing.signal.aborted) {
      const end: Position = node.applied;
      if (end.epoch !== position.epoch) throw new Error('the node is in another log');
      if (position.number >= end.number) {
        told = position.number;
        isLive = true;
        isFailed = false;
        outage.up();
        tell(undefined);
        waiters.wake();
        return;
      }
      const records = await hub.read(position, pageRecords).catch(async (error: unknown) => {
        if (!(error instanceof PositionGone)) throw error;
        log.warn({ err: error, view: view.name }, 'a view is made anew');
        position = await makeAnew((await store.read([])).cursor);
        at = position;
        return [];
      });
      // A view is never ahead of its node.
      await fold(
        records.filter(({ number }) => number <= end.number),
        position,
      );
      position = at;
    }
  };

  const run = async () => {
    let pauseMs = firstPauseMs;
    while (!closing.signal.aborted) {
      fallen = Promise.withResolvers();
      try {
        if (node.applied !== undefined) await comeUp();
        pauseMs = firstPauseMs;
        await fallen.promise;
      } catch (error) {
        if (closing.signal.aborted) return;
        fall(error);
        await pause(pauseMs, closing.signal).catch(() => {});
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
    }
  };

  /** Also notices when the store has lost what was folded. */
  const readStore = async (keys: readonly string[], epoch: string) => {
    const needed = folded;
    try {
      const { cursor, states } = await store.read(keys);
      const isWhole = cursor?.position.epoch === epoch && cursor.position.number >= needed;
      if (cursor === undefined || !isWhole) {
        fall(new Error('the store has lost what was folded'));
        return 'behind';
      }
      const isUntrusted = Object.keys(cursor.gaps).length > 0 || isDoubted(cursor.faults ?? {}, keys);
      return isUntrusted ? 'untrusted' : { cursor, states };
    } catch (error) {
      outage.down(String(error));
      return 'behind';
    }
  };

  const isUpTo = ({ epoch, number }: Position) =>
    isLive && at !== undefined && at.epoch === epoch && at.number >= number;
  const isTrusted = () => isLive && view.sources.every((source) => node.isTrusted(source));
  if (options.metrics !== undefined) {
    const lag = () => (isFailed ? undefined : Math.max(0, (node.applied?.number ?? 0) - (at?.number ?? 0)));
    createViewMetrics(options.metrics, { name: view.name, isTrusted, lag });
  }
  const faults = createViewFaults(view, store, context, log, (keys) => tell(keys));
  const countFaults = async () => Object.keys((await store.read([])).cursor?.faults ?? {}).length;
  const faultMetrics = options.metrics && createFaultMetrics(options.metrics, view.name, countFaults);
  const endings = [node.onApplied(hear), node.onLoaded(() => fall())];
  const running = run();

  return {
    faults,
    get applied() {
      return isLive ? at : undefined;
    },
    read: async (keys, requires, signal) => {
      if (isFailed) return undefined;
      if (requires !== undefined && !(await node.reaches(requires, waitMs, signal))) return undefined;
      const { applied } = node;
      if (applied === undefined) return undefined;
      if (!(await waiters.wait(() => isUpTo(applied), waitMs, signal)) || !isTrusted()) return undefined;
      const from = at ?? applied;
      const stored = await readStore(keys, applied.epoch);
      if (typeof stored === 'string') return undefined;
      const { cursor, states } = stored;
      return { position: cursor.position.number > from.number ? cursor.position : from, states };
    },
    peek: async (keys) => {
      const position = at;
      if (isFailed || position === undefined || !isLive) return isFailed ? 'untrusted' : 'behind';
      const stored = await readStore(keys, position.epoch);
      return typeof stored === 'string' ? stored : { position, states: stored.states };
    },
    rebuild: async ({ onProgress, signal }) => {
      const ending = AbortSignal.any([signal, closing.signal]);
      const cursor = await rebuildView({ ...building, onProgress, signal: ending });
      log.info({ view: view.name, position: cursor.position.number }, 'a view was rebuilt');
      tell(undefined);
      return cursor;
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      closing.abort(new Error('the view is closed'));
      for (const end of endings) end();
      waiters.sendAway();
      fallen.resolve();
      await running;
    },
  };
}

/** Whether any state may be another one. */
function isOfAll(records: readonly HubRecord[]): boolean {
  return records.some(({ events }) => events.some(({ type }) => type === everythingChanged));
}
