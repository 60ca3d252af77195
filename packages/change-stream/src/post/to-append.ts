import { everythingChangedEvent } from '@portico/contracts/events/change-event.ts';
import { toRecords } from '../capture/to-records.ts';
import type { NewProgress, NewRecord, SourceOffset } from '../hub/event-hub.ts';
import type { Posted } from './posted-events.ts';

/** The log of a service's own numbers, as the hub names it: no log that was captured has such a name. */
const logPrefix = 'post.';

export const isPostedLog = ({ log }: SourceOffset): boolean => log.startsWith(logPrefix);

/** What a post adds to what the hub has. */
export interface Addition {
  readonly records: readonly NewRecord[];
  readonly progress: NewProgress | undefined;
  /** What the hub has then. */
  readonly end: SourceOffset;
}

/**
 * What the hub has is left out. Where a number is missing, or another log begins, nobody knows what changed in between: a
 * record that everything may have changed stands there instead. So a number counts as told only when it came, or when
 * that was said.
 */
export function toAppend(source: string, stored: SourceOffset | undefined, post: Posted): Addition {
  const log = logPrefix + post.log;
  const records: NewRecord[] = [];
  let told = stored?.log === log ? BigInt(stored.at) : undefined;

  const tellLost = (upTo: bigint, committedAt: number) => {
    const id = `${log}.${upTo}.lost`;
    const offset = { log, at: String(upTo) };
    const events = [{ ...everythingChangedEvent('lost'), id }];
    records.push({ source, offset, xid: offset.at, committedAt, events });
    told = upTo;
  };

  for (const { sequence, ...commit } of post.commits) {
    if (told !== undefined && sequence <= told) continue;
    if (told === undefined || sequence > told + 1n) tellLost(sequence - 1n, commit.committedAt);
    const transaction = { kind: 'transaction', at: sequence, xid: sequence, ...commit } as const;
    records.push(...toRecords(source, log, transaction));
    told = sequence;
  }
  const { progress } = post;
  if (progress !== undefined && (told === undefined || progress.sequence > told)) {
    tellLost(progress.sequence, progress.at);
  }
  const end = { log, at: String(told ?? 0n) };
  // One that came late, after what was committed later, says nothing new.
  if (progress === undefined || String(progress.sequence) !== end.at) {
    return { records, progress: undefined, end };
  }
  const xmin = String(progress.sequence + 1n);
  return { records, progress: { offset: end, xmin, committedAt: progress.at }, end };
}
