import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';

/** A place in the log of the hub. Numbers of different epochs can't be compared. */
export interface Position {
  /** Random, stored in the log, new after any refill, restore or renumbering. */
  readonly epoch: string;
  /** Grows along the log, by one a record; 0 is before the first. */
  readonly number: number;
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

/** What a reader of the log gets, in the log's order. A progress never comes before a record that it speaks of. */
export type HubMessage =
  | { readonly kind: 'record'; readonly record: HubRecord }
  | { readonly kind: 'progress'; readonly progress: Progress };

/** The log doesn't reach back to where a reader wants to go on, or is another log. */
export class PositionGone extends Error {
  override name = 'PositionGone';
}

/** Somebody else appends for this source; whoever gets this stops. */
export class NotTheWriter extends Error {
  override name = 'NotTheWriter';
}

/** What the writer of one source holds; only one at a time, among all processes. */
export interface SourceWriter {
  /** The offset of the last record or progress that is stored; undefined for a source that is new to the hub. */
  readonly stored: SourceOffset | undefined;
  /**
   * Appends in order, all or nothing; when it returns, all is on disk. A record whose offset is not above the stored one (in
   * the same log) is there already and left out.
   * @throws NotTheWriter when the writer's place was taken.
   */
  append(records: readonly NewRecord[], progress?: Omit<Progress, 'number' | 'source'>): Promise<void>;
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
   * @throws PositionGone when a record above `after` is not kept any more, or the epoch is another.
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
  /** Waits until nobody else writes for `source`, then takes its place. Rejects with the signal's reason. */
  writer(source: string, signal: AbortSignal): Promise<SourceWriter>;
  /** Lets go of records committed before `before` (epoch milliseconds) that every durable consumer has behind it. Gives how many. */
  trim(before: number): Promise<number>;
  close(): Promise<void>;
}
