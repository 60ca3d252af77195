import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';

/** A place in the log of the hub. Numbers of different epochs can't be compared. */
export interface Position {
  /** Random, stored in the log, new after any refill, restore or renumbering. */
  readonly epoch: string;
  /** Grows along the log, by one a record; 0 is before the first. */
  readonly number: number;
  /**
   * `mark` of the record with this number, where the reader knows it. A hub whose record there is another was put back to
   * an older copy and has grown since: for this reader the position is gone.
   */
  readonly mark?: string | undefined;
}

/** Where a record comes from in its source's own log. */
export interface SourceOffset {
  /** System identifier, timeline and slot generation: offsets of different logs can't be compared. */
  readonly log: string;
  /** Within the log, growing; decimal digits of the commit's LSN, or the sequence number of a service that posts events. */
  readonly at: string;
}

/** One transaction of one source, or a part of a large one. */
export interface NewRecord {
  readonly source: string;
  readonly offset: SourceOffset;
  /** Decimal digits, 64 bits: epoch and xid. */
  readonly xid: string;
  /** Epoch milliseconds of the commit, by the source's clock. */
  readonly committedAt: number;
  /** Of a transaction above 512 kB: its parts from 1, all with one offset and appended in one go. */
  readonly part?: { readonly number: number; readonly of: number };
  readonly events: readonly ChangeEvent[];
}

export interface HubRecord extends NewRecord {
  readonly number: number;
  /** Random, made with the record: one that has the same number and mark has the same log before it. Every hub gives one. */
  readonly mark?: string;
}

/** What a source has said last: all of its transactions up to `offset` are in the log, at or before `number`. */
export interface Progress {
  readonly source: string;
  readonly offset: SourceOffset;
  /** Decimal digits: every transaction below it is over, and in the log if it published anything. */
  readonly xmin: string;
  /** Epoch milliseconds by the source's clock. */
  readonly committedAt: number;
  /** The end of the log when it was said. */
  readonly number: number;
}

export type NewProgress = Omit<Progress, 'number' | 'source'>;

/** What a reader of the log gets, in the log's order. A progress never comes before a record that it speaks of. */
export type HubMessage =
  | { readonly kind: 'record'; readonly record: HubRecord }
  | { readonly kind: 'progress'; readonly progress: Progress };

/** The log doesn't reach back, or not up, to where a reader wants to go on, or is another log. */
export class PositionGone extends Error {
  override name = 'PositionGone';
}

/** Somebody else appends for this source; whoever gets this stops. */
export class NotTheWriter extends Error {
  override name = 'NotTheWriter';
}

/** The offsets are of another log than what is stored, and the first record does not say that everything may have changed. */
export class OtherLog extends Error {
  override name = 'OtherLog';
}

/** What the writer of one source holds; only one at a time, among all processes. */
export interface SourceWriter {
  /** The offset of the last record or progress that was stored when the place was taken; undefined for a source that is new to the hub. */
  readonly stored: SourceOffset | undefined;
  /**
   * Appends in order, all or nothing; when it returns, all is on disk. A record whose offset is not above the stored one (in
   * the same log) is there already and left out; so is a progress below it. After any error but those below nobody knows what
   * is stored: append the same again. One call at a time, with offsets of one log.
   *
   * What happened between two logs (a slot that was made anew) nobody knows, so another log than the stored one begins with
   * a record that has the event `everythingChanged`: the begin of a new snapshot. From then on only the new log counts.
   * @throws NotTheWriter when the writer's place was taken.
   * @throws OtherLog when another log begins without such a record.
   */
  append(records: readonly NewRecord[], progress?: NewProgress): Promise<void>;
  /** Lets another one write. */
  release(): Promise<void>;
}

/** The ordered log of everything that was committed. */
export interface EventHub {
  epoch(): Promise<string>;
  /** The first number that is kept (the next one, when the log is empty), and the last that was given. */
  range(): Promise<{ readonly epoch: string; readonly first: number; readonly last: number }>;
  /**
   * Records with a number above `after`, at most `limit`, in order.
   * @throws PositionGone when a record above `after` is not kept any more, `after` is above the end, or the log is another.
   */
  read(after: Position, limit: number): Promise<readonly HubRecord[]>;
  /** What every source has said last. */
  progress(): Promise<readonly Progress[]>;
  /**
   * Everything above `after` as it comes, until `signal` aborts: records, and each source's progress. Messages are batched
   * as they were found, and the next batch waits for `receive`.
   * @throws PositionGone as `read`; any other error when the connection is lost: the caller begins again where he was.
   */
  tail(
    after: Position,
    receive: (messages: readonly HubMessage[]) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Waits until nobody else writes for `source`, then takes its place. Rejects with the signal's reason, or when the hub is away. */
  writer(source: string, signal: AbortSignal): Promise<SourceWriter>;
  /** Lets go of records committed before `before` (epoch milliseconds) that every durable consumer has behind it. Gives how many. */
  trim(before: number): Promise<number>;
  close(): Promise<void>;
}

/** What a hub keeps for a durable consumer, by what that said last. */
export interface ConsumerBacklog {
  readonly name: string;
  /** How many records are above its position. */
  readonly behind: number;
  /** Epoch milliseconds of the first of them. */
  readonly oldestAt: number | undefined;
}

/** A hub that keeps records for whoever still needs them. */
export interface DurableEventHub extends EventHub {
  /** Keeps what is above the position, whatever its age, until the consumer says a higher one; a lower one of the same epoch changes nothing. */
  keepFor(consumer: string, position: Position): Promise<void>;
  /** Those that it keeps records for, by name. */
  consumers(): Promise<readonly ConsumerBacklog[]>;
  /** For a consumer that is gone for good. Gives whether anything was kept for it. */
  forget(consumer: string): Promise<boolean>;
  /**
   * Makes every position of before foreign, and forgets the consumers, which start anew. For the operator who restored the
   * hub from a copy: what was given since the copy was made names other records now, in tokens and cursors that have no mark.
   * @returns the new epoch.
   */
  renewEpoch(): Promise<string>;
}
