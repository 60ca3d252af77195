import { everythingChanged } from '@portico/contracts/events/change-event.ts';
import type { NewProgress, NewRecord } from './event-hub.ts';

/** What all that is appended in one go has in common. */
export interface CheckedAppend {
  /** The log of all its offsets. */
  readonly log: string;
  /** It may be the first of a log: its first record says that anything of the source may have changed. */
  readonly beginsLog: boolean;
}

/**
 * Whether these can be appended in one go; undefined when there is nothing to append.
 * @throws Error when they are not of this source and one log, not in the order of their offsets, or a part is missing.
 */
export function checkAppend(
  source: string,
  records: readonly NewRecord[],
  progress: NewProgress | undefined,
): CheckedAppend | undefined {
  const log = (records[0] ?? progress)?.offset.log;
  if (log === undefined) return undefined;
  const offsets = [...records, ...(progress ? [progress] : [])].map(({ offset }) => offset);
  if (offsets.some((offset) => offset.log !== log)) throw new Error('one append has offsets of several logs');
  if (records.some((record) => record.source !== source)) {
    throw new Error(`the writer of ${source} was given a record of another source`);
  }
  records.forEach((record, index) => {
    checkPlace(records[index - 1], record, records[index + 1]);
  });
  const end = records.at(-1)?.offset.at;
  if (progress && end !== undefined && BigInt(progress.offset.at) < BigInt(end)) {
    throw new Error('a progress lies before the records that it comes with');
  }
  return { log, beginsLog: records[0]?.events.some(({ type }) => type === everythingChanged) ?? false };
}

function checkPlace(before: NewRecord | undefined, record: NewRecord, after: NewRecord | undefined): void {
  const { number, of } = record.part ?? { number: 1, of: 1 };
  const continues = (from: NewRecord | undefined, to: NewRecord | undefined) =>
    from?.part !== undefined &&
    to?.part?.number === from.part.number + 1 &&
    to.part.of === from.part.of &&
    to.offset.at === from.offset.at;
  if (number > 1 ? !continues(before, record) : isAtOrBelow(record, before)) {
    throw new Error('the records of one append are not in the order of their offsets and parts');
  }
  if (number < of && !continues(record, after)) throw new Error('a part of a transaction is missing');
}

const isAtOrBelow = (record: NewRecord, before: NewRecord | undefined) =>
  before !== undefined && BigInt(record.offset.at) <= BigInt(before.offset.at);
