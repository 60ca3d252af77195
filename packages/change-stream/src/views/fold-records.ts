import {
  type ChangeCause,
  type ChangeEvent,
  everythingChanged,
} from '@portico/contracts/events/change-event.ts';
import type { FaultContext } from '../faults/failure.ts';
import type { HubRecord, Position } from '../hub/event-hub.ts';
import { createFolding, type Folding } from './folding.ts';
import type { View, ViewCursor } from './view.ts';
import type { StoredStates, ViewChange } from './view-store.ts';

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

/** The keys that the view's functions name; those of an event that they don't understand are not known. */
export function keysOfRecords<State>(view: View<State>, records: readonly HubRecord[]): string[] {
  return keysOfEvents(
    view,
    records.flatMap(({ events }) => events.filter(({ type }) => type !== everythingChanged)),
  );
}

export function keysOfEvents<State>(view: View<State>, events: readonly ChangeEvent[]): string[] {
  const keys = events.flatMap((event) => {
    try {
      return view.keysOf(event);
    } catch {
      // It is set aside when it is taken.
      return [];
    }
  });
  return [...new Set(keys)];
}

/**
 * What records, in their order, make of a view; those that are in it already are left out, and those of other sources only
 * move the cursor. An event that the view's functions don't understand is set aside.
 * @param epoch of the log that the records are of
 * @returns undefined when all of them are in it
 * @throws ViewFailed when no more can be set aside, OtherEpoch
 */
export function foldRecords<State>(
  view: View<State>,
  records: readonly HubRecord[],
  epoch: string,
  { cursor, states }: StoredStates<State>,
  context: FaultContext,
): ViewChange<State> | undefined {
  if (cursor?.position.epoch !== epoch) throw new OtherEpoch('the view is of another log');
  const open = records.filter(({ number }) => number > cursor.position.number);
  const last = open.at(-1);
  if (last === undefined) return undefined;

  let isCleared = false;
  let { gaps } = cursor;
  const folding = createFolding(view, states, cursor.faults ?? {}, context);
  for (const record of open.filter(({ source }) => view.sources.includes(source))) {
    const at: Position = { epoch, number: record.number };
    for (const event of record.events) {
      if (event.type === everythingChanged) {
        const cause = event.key as ChangeCause;
        gaps = gapsAfter(view, gaps, record.source, cause);
        // A snapshot brings all that there is, so what it doesn't bring is not there.
        if (cause !== 'truncated' && cause !== 'snapshot-begun') continue;
        isCleared = true;
        folding.clear();
        continue;
      }
      folding.take({ source: record.source, event, at });
    }
  }
  const position = { epoch, number: last.number, ...(last.mark !== undefined && { mark: last.mark }) };
  return {
    cursor: cursorOf(position, gaps, folding),
    isCleared,
    states: folding.states,
    aside: folding.aside,
  };
}

/** Says of faults only where there are any, so that a view whose last one is repaired is as one that never had any. */
export function cursorOf(
  position: Position,
  gaps: ViewCursor['gaps'],
  { faults }: Pick<Folding<unknown>, 'faults'>,
): ViewCursor {
  return { position, gaps, ...(Object.keys(faults).length > 0 && { faults }) };
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
