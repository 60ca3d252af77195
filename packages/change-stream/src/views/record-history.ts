import type { HubRecord } from '../hub/event-hub.ts';

/** Something of what was kept is missing, or is not what was written. The message names it. */
export class HistoryDamaged extends Error {
  override name = 'HistoryDamaged';
}

/** Records of the hub's log, also those that the hub has let go of. */
export interface RecordHistory {
  /**
   * What leads to the log of this epoch, also through epochs before it: all that this log and they have in common.
   * @returns undefined when nothing is known of the log
   * @throws HistoryDamaged
   */
  open(epoch: string): Promise<LogHistory | undefined>;
}

/** Records that follow each other, as they were when it was opened. */
export interface LogHistory {
  /** Number of the first one; those before it were never kept. */
  readonly first: number;
  /** Number of the last one, or `first - 1` when there is none. */
  readonly last: number;
  /**
   * All of them in their order, some at a time: so few that the work on them doesn't hold up a process.
   * @throws HistoryDamaged before anything that was changed is given
   */
  pages(): AsyncIterable<readonly HubRecord[]>;
}
