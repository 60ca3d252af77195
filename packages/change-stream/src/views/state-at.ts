import type { HubRecord, Position } from '../hub/event-hub.ts';
import { foldRecords, startOf } from './fold-records.ts';
import { isDoubted, type OpenFault } from './set-aside.ts';
import type { View, ViewCursor } from './view.ts';

/** When: behind the record with this number, or before the first one of its sources that was committed later than `time`. */
export type Moment = { readonly number: number } | { readonly time: number };

export interface StateAtOptions<State> {
  readonly view: View<State>;
  readonly key: string;
  readonly epoch: string;
  /** Number of the first record that is known. */
  readonly first: number;
  /** The log from there on; not read further than it has to be. */
  readonly pages: AsyncIterable<readonly HubRecord[]>;
  /** The end of what is given when left out. */
  readonly at?: Moment | undefined;
}

export interface StateAt<State> {
  readonly position: Position;
  readonly gaps: ViewCursor['gaps'];
  /** Ids of the faults that the view would have had then, whose events the state may lack. */
  readonly faults: readonly string[];
  /** Epoch milliseconds of the last record of its sources; undefined before the first. */
  readonly committedAt: number | undefined;
  /** Undefined where nothing is known of the key. */
  readonly state: State | undefined;
}

/** What a view had under one key at a moment: folds the log up to there, and keeps this key alone. @throws ViewFailed */
export async function stateAt<State>(options: StateAtOptions<State>): Promise<StateAt<State>> {
  const { key, epoch, first, pages, at } = options;
  const view: View<State> = {
    ...options.view,
    keysOf: (event) => options.view.keysOf(event).filter((one) => one === key),
  };
  const isOfView = ({ source }: HubRecord) => view.sources.includes(source);
  const isAfter = (record: HubRecord) => {
    if (at === undefined) return false;
    return 'number' in at ? record.number > at.number : isOfView(record) && record.committedAt > at.time;
  };
  let cursor = startOf(view, epoch, first);
  const context = { codeVersion: String(view.version), now: Date.now };
  let committedAt: number | undefined;
  let states = new Map<string, State>();
  for await (const records of pages) {
    const end = records.findIndex(isAfter);
    const before = end === -1 ? records : records.slice(0, end);
    const ofView = before.filter(isOfView);
    const changed = foldRecords(view, before, epoch, { cursor, states }, context);
    if (changed !== undefined) {
      cursor = changed.cursor;
      states = new Map([...(changed.isCleared ? [] : states), ...changed.states]);
    }
    committedAt = ofView.at(-1)?.committedAt ?? committedAt;
    if (end !== -1) break;
  }
  const { position, gaps, faults = {} } = cursor;
  const doubting = Object.keys(faults).filter((id) => isDoubted({ [id]: faults[id] as OpenFault }, [key]));
  return { position, gaps, faults: doubting, committedAt, state: states.get(key) };
}
