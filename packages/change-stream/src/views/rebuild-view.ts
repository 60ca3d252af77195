import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FaultContext } from '../faults/failure.ts';
import type { EventHub, HubRecord } from '../hub/event-hub.ts';
import { foldRecords, keysOfRecords, startOf } from './fold-records.ts';
import type { LogHistory, RecordHistory } from './record-history.ts';
import type { View, ViewCursor } from './view.ts';
import type { ViewStore } from './view-store.ts';

export interface RebuildOptions<State> {
  readonly view: View<State>;
  readonly store: ViewStore<State>;
  readonly hub: Pick<EventHub, 'range' | 'read'>;
  /** Of the faults that it opens. */
  readonly context: FaultContext;
  /** What the hub may have let go of; a view can be rebuilt only from a hub that has everything when left out. */
  readonly history?: RecordHistory | undefined;
  /** Takes a view of which something is missing, also where the one that is there is whole. */
  readonly acceptsGaps?: boolean;
  readonly onProgress?: ((progress: RebuildProgress) => void) | undefined;
  readonly signal: AbortSignal;
}

export interface RebuildProgress {
  /** How many records were looked at, of all that there are now. */
  readonly records: number;
  readonly of: number;
}

/** A view can't be rebuilt as things are; the one that is there stays. */
export class RebuildRefused extends Error {
  override name = 'RebuildRefused';
}

const pageRecords = 500;

/**
 * Builds a view anew beside the one that is there, which goes on meanwhile, and puts it in its place:
 *  1. folds the history of the hub's log, from its first record on;
 *  2. folds what the hub has behind it, until the view that is there is not further;
 *  3. takes its place, in one step.
 * Whatever fails or ends it before, the view that is there stays as it is.
 * @returns the cursor of the new view when it took the place
 * @throws RebuildRefused; HistoryDamaged; PositionGone when the hub doesn't have what follows the history; ViewFailed
 */
export async function rebuildView<State>(options: RebuildOptions<State>): Promise<ViewCursor> {
  const { view, store, hub, history, context, onProgress, signal } = options;
  const { epoch, first, last } = await hub.range();
  const past = history && (await history.open(epoch));
  const start = beginning(past, first, history !== undefined);
  const beside = store.beside();
  let cursor = startOf(view, epoch, start);
  let looked = 0;
  const fold = async (records: readonly HubRecord[]) => {
    signal.throwIfAborted();
    if (records.length === 0) return;
    const ofView = records.filter(({ source }) => view.sources.includes(source));
    const keys = keysOfRecords(view, ofView);
    const change = (stored: Parameters<Parameters<typeof beside.update>[1]>[0]) =>
      foldRecords(view, records, epoch, stored, context);
    cursor = (await beside.update(keys, change)) ?? cursor;
    looked += records.length;
    onProgress?.({ records: looked, of: Math.max(last, cursor.position.number) - start + 1 });
    // A store in this process doesn't let anybody else have a turn.
    await nextTurn();
  };

  try {
    await beside.update([], () => ({ cursor, isCleared: true, states: new Map() }));
    if (past?.first === start) for await (const records of past.pages()) await fold(records);
    for (;;) {
      await fold(await hub.read(cursor.position, pageRecords));
      if (options.acceptsGaps !== true) refuseGaps(cursor, (await store.read([])).cursor, start);
      signal.throwIfAborted();
      if (await beside.takeOver()) return cursor;
    }
  } catch (error) {
    // What stays there for that expires by itself.
    await beside.drop().catch(() => {});
    throw error;
  }
}

/** @returns the number of the first record that is known */
function beginning(past: LogHistory | undefined, firstInHub: number, hasHistory: boolean): number {
  if (past !== undefined) return Math.min(past.first, firstInHub);
  if (firstInHub === 1) return 1;
  const gone = `the hub begins at ${firstInHub}, and `;
  throw new RebuildRefused(
    gone +
      (hasHistory
        ? 'the lake has nothing of its epoch: its writer begins it'
        : 'without a lake nothing says what was before'),
  );
}

/** What is missing in the new one must be missing in the one that is there, too. */
function refuseGaps({ gaps }: ViewCursor, there: ViewCursor | undefined, start: number): void {
  const lost = Object.keys(gaps).find((source) => gaps[source] === 'lost');
  if (lost === undefined || there?.gaps[lost] === 'lost') return;
  if (there === undefined || start === 1) return;
  throw new RebuildRefused(`what is known begins at ${start}: of ${lost} something would be missing`);
}
