import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import type { Position } from '../hub/event-hub.ts';
import type { OpenFault } from './set-aside.ts';

/** What becomes of events, as plain data by key: pure functions, with no clock, no store and no call. */
export interface View<State> {
  /** Who reads it and what it answers, such as `web orders`. */
  readonly name: string;
  /** Another one whenever the same events come to other states: what is stored of other versions is not used. */
  readonly version: number;
  /** Whose events it is folded from. */
  readonly sources: readonly string[];
  /** The keys whose state an event may change. @throws when it can't say: the event is set aside */
  keysOf(event: ChangeEvent): readonly string[];
  /**
   * What an event is about, for events that `keysOf` does not understand as well; the event's own key when left out. Where one is set
   * aside without its keys, later ones of its unit wait behind it. Those of others go on: two events of different units lead to the
   * same states in either order. Never throws.
   */
  unitOf?(event: ChangeEvent): string;
  /** What is known of a key before its first event; never changed. */
  initial(key: string): State;
  /**
   * The state after the event; the same object where nothing changes. Events come again, so those that are in the state must
   * change nothing.
   * @param at the place of the event's record in the hub's log
   * @throws when it can't say: the event is set aside, and later ones of this key behind it
   */
  evolve(state: State, event: ChangeEvent, at: Position): State;
}

/** How far a view is, and what may be missing in it. */
export interface ViewCursor {
  readonly position: Position;
  /** Sources of which not all is in the view: something is lost, or a snapshot is under way that brings everything again. */
  readonly gaps: Readonly<Record<string, 'lost' | 'snapshot'>>;
  /** The events that were set aside, by the ids of their faults; left out where there are none. */
  readonly faults?: Readonly<Record<string, OpenFault>>;
}
