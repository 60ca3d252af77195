import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import type { FaultDesk } from '../faults/fault-desk.ts';
import type { Position } from '../hub/event-hub.ts';
import type { Requirement } from '../node/change-node.ts';
import type { RebuildOptions } from './rebuild-view.ts';
import type { ViewCursor } from './view.ts';

export interface ViewRead<State> {
  /** All up to here is in the states; another instance may have brought them further than this process has heard. */
  readonly position: Position;
  /** Only the keys that something is known of. */
  readonly states: ReadonlyMap<string, State>;
}

/** @param events what the state was folded from, if it has just happened: not what a view that comes up folds again */
export type ChangeListener = (keys: ReadonlySet<string> | undefined, events: readonly ChangeEvent[]) => void;

/** A view that goes on with the hub's log, record by record, right behind what the process knows of changes. */
export interface LiveView<State> {
  /**
   * The states of these keys, good for whoever has to see what is required, and for the bound of their sources; undefined
   * where that can't be said in time: then the service is asked.
   */
  read(
    keys: readonly string[],
    requires: Requirement | undefined,
    signal: AbortSignal,
  ): Promise<ViewRead<State> | undefined>;
  /**
   * What is in the view now, whether or not its sources are trusted: for who takes one change after the other. `behind` while
   * it comes up, `untrusted` where something is missing in it or may lack in these states, or it has failed. The position is up to where this process is.
   */
  peek(keys: readonly string[]): Promise<ViewRead<State> | 'behind' | 'untrusted'>;
  /**
   * Called when the state of keys may be another one; without keys, when that of any may be, or the view can't be trusted any
   * more. @returns ends it
   */
  onChange(listener: ChangeListener): () => void;
  /**
   * Builds it anew from the beginning, beside what is there, and puts it in its place. @returns the cursor that it had then
   * @throws as `rebuildView`: then nothing has changed
   */
  rebuild(options: Pick<RebuildOptions<State>, 'onProgress' | 'signal'>): Promise<ViewCursor>;
  /** Up to where it is folded, in the log that is followed now; undefined while it isn't trusted. */
  readonly applied: Position | undefined;
  /** The events that it does not understand: no read is answered from states that lack one. */
  readonly faults: FaultDesk;
  close(): Promise<void>;
}
