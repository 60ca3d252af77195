import { type ChangeCause, everythingChanged } from '@portico/contracts/events/change-event.ts';
import type { HubRecord, Position } from '../hub/event-hub.ts';
import type { View, ViewCursor } from './view.ts';
import type { StoredStates, ViewChange } from './view-store.ts';

/** The view's own functions don't understand a record. */
export class ViewFailed extends Error {
  override name = 'ViewFailed';
}

/** The view is in another log than the records: it was made anew, or has to be. */
export class OtherEpoch extends Error {
  override name = 'OtherEpoch';
}

/** The place before the first record; of a log whose beginning is gone, nothing is known for sure. */
export function startOf(
  { sources }: Pick<View<unknown>, 'sources'>,
  epoch: string,
  first: number,
): ViewCursor {
  const gaps = first === 1 ? [] : sources.map((source) => [source, 'lost'] as const);
  return { position: { epoch, number: first - 1 }, gaps: Object.fromEntries(gaps) };
}

/** @throws ViewFailed when the view can't say which keys a record touches */
export function keysOfRecords<State>(view: View<State>, records: readonly HubRecord[]): string[] {
  const keys = records.flatMap((record) =>
    record.events
      .filter(({ type }) => type !== everythingChanged)
      .flatMap((event) => understood(view, record, () => view.keysOf(event))),
  );
  return [...new Set(keys)];
}

/**
 * What records, in their order, make of a view; those that are in it already are left out, and those of other sources only
 * move the cursor.
 * @param epoch of the log that the records are of
 * @returns undefined when all of them are in it
 * @throws ViewFailed, OtherEpoch
 */
export function foldRecords<State>(
  view: View<State>,
  records: readonly HubRecord[],
  epoch: string,
  { cursor, states }: StoredStates<State>,
): ViewChange<State> | undefined {
  if (cursor?.position.epoch !== epoch) throw new OtherEpoch('the view is of another log');
  const open = records.filter(({ number }) => number > cursor.position.number);
  const last = open.at(-1);
  if (last === undefined) return undefined;

  let isCleared = false;
  let known = new Map(states);
  let changed = new Map<string, State>();
  let { gaps } = cursor;
  for (const record of open.filter(({ source }) => view.sources.includes(source))) {
    const at: Position = { epoch, number: record.number };
    for (const event of record.events) {
      if (event.type === everythingChanged) {
        const cause = event.key as ChangeCause;
        gaps = gapsAfter(view, gaps, record.source, cause);
        // A snapshot brings all that there is, so what it doesn't bring is not there.
        if (cause !== 'truncated' && cause !== 'snapshot-begun') continue;
        isCleared = true;
        known = new Map();
        changed = new Map();
        continue;
      }
      for (const key of understood(view, record, () => view.keysOf(event))) {
        const before = known.get(key) ?? view.initial(key);
        const after = understood(view, record, () => view.evolve(before, event, at));
        if (after === before) continue;
        known.set(key, after);
        changed.set(key, after);
      }
    }
  }
  const position = { epoch, number: last.number, ...(last.mark !== undefined && { mark: last.mark }) };
  return { cursor: { position, gaps }, isCleared, states: changed };
}

/** What is missing after "everything of this source"; of the other sources all is, where the view was cleared. */
function gapsAfter(
  { sources }: Pick<View<unknown>, 'sources'>,
  gaps: ViewCursor['gaps'],
  source: string,
  cause: ChangeCause,
): ViewCursor['gaps'] {
  const { [source]: gap, ...others } = gaps;
  const withoutOthers = () =>
    Object.fromEntries(sources.filter((other) => other !== source).map((other) => [other, 'lost' as const]));
  switch (cause) {
    case 'truncated':
      return withoutOthers();
    case 'snapshot-begun':
      return { ...withoutOthers(), [source]: 'snapshot' };
    case 'snapshot-ended':
      return gap === 'snapshot' ? others : gaps;
    // Also for a cause that a later capture names.
    default:
      return { ...others, [source]: 'lost' };
  }
}

function understood<State, Value>({ name }: View<State>, { number }: HubRecord, work: () => Value): Value {
  try {
    return work();
  } catch (cause) {
    throw new ViewFailed(`${name} doesn't understand the record ${number}`, { cause });
  }
}
