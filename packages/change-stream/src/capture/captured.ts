import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';

/** A transaction of the source, whole. */
export interface CapturedTransaction {
  readonly kind: 'transaction';
  /** The end of its commit in the log. */
  readonly at: bigint;
  readonly xid: bigint;
  /** Epoch milliseconds by the source's clock. */
  readonly committedAt: number;
  /** Epoch milliseconds by the clock of this process; undefined where it was not read from a log. */
  readonly readAt?: number;
  readonly events: readonly ChangeEvent[];
  /** The size of each event as JSON, in bytes. */
  readonly sizes: readonly number[];
}

/**
 * A place in the log up to which everything is known.
 *
 * A heartbeat is one statement: it takes a snapshot, then writes the message with the snapshot's xmin. What is below
 * xmin was over in that snapshot, and a transaction is over only after its commit stands in the log; so that commit
 * stands before the message. The stream gives commits and messages in the order in which they stand in the log, so
 * it was sent before the message came.
 */
export interface CapturedProgress {
  readonly kind: 'progress';
  /** The end of the message in the log. */
  readonly at: bigint;
  /** Decimal digits. */
  readonly xmin: string;
  /** Epoch milliseconds by the source's clock, taken before the snapshot. */
  readonly committedAt: number;
}

export type Captured = CapturedTransaction | CapturedProgress;

/** How many bytes of events wait with it. */
export function bytesOf(captured: Captured): number {
  return captured.kind === 'progress' ? 0 : captured.sizes.reduce((sum, size) => sum + size, 0);
}
