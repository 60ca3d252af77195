import type { AsideEvent } from './set-aside.ts';
import type { ViewCursor } from './view.ts';

/** What records did to a view. */
export interface ViewChange<State> {
  readonly cursor: ViewCursor;
  /** Nothing of what was there before stays. */
  readonly isCleared: boolean;
  readonly states: ReadonlyMap<string, State>;
  /** Events that are set aside, by name; null for one that is kept no longer. */
  readonly aside?: ReadonlyMap<string, AsideEvent | null>;
}

export interface StoredStates<State> {
  /** Undefined before the first update. */
  readonly cursor: ViewCursor | undefined;
  readonly states: ReadonlyMap<string, State>;
}

/**
 * Where the states of one view are, with the events that it set aside. They and the cursor are always of one moment: all are stored, or
 * nothing.
 *
 * For whoever implements it: several processes may update one store. Of updates from the same cursor one counts, and `change`
 * is asked again with what that one left. What is given belongs to the store and to nobody else; nobody changes it.
 */
export interface ViewStore<State> {
  /** @throws when the store can't be read now */
  read(keys: readonly string[]): Promise<StoredStates<State>>;
  /** Those of the events of these names that are set aside, with the cursor of the same moment. @throws as `read` */
  readAside(names: readonly string[]): Promise<{
    readonly cursor: ViewCursor | undefined;
    readonly aside: ReadonlyMap<string, AsideEvent>;
  }>;
  /**
   * Stores what `change` makes of the cursor and the states of these keys, or nothing if it gives undefined. A store in this
   * process has done so when the call returns, and gives the cursor at once.
   * @returns the cursor as it is then
   * @throws when the store can't be changed now, and what `change` throws
   */
  update(
    keys: readonly string[],
    change: (stored: StoredStates<State>) => ViewChange<State> | undefined,
  ): (ViewCursor | undefined) | Promise<ViewCursor | undefined>;
  /** A new, empty place beside this one, to build the view in anew. What somebody dies over expires. */
  beside(): BesideViewStore<State>;
}

/** Where a view is built anew, of which nobody else knows. */
export interface BesideViewStore<State> extends Pick<ViewStore<State>, 'update'> {
  /**
   * Replaces all that is in the store by what is here, in one step, unless the store is further in the same log. Updates of
   * the store that have read what was there before are asked again.
   * @returns whether it did
   * @throws also when what was here is gone
   */
  takeOver(): Promise<boolean>;
  /** Lets go of what is here; nothing where it has taken over. */
  drop(): Promise<void>;
}
