import type { HubRecord, Position } from '../hub/event-hub.ts';

/** A transaction of a source, as `Commit-Id` names it: `<source>:<xid>`. */
export interface Commit {
  readonly source: string;
  /** Decimal digits, 64 bits. */
  readonly xid: string;
}

/** What a client has to see at least. */
export interface Requirement {
  /** Of the node's own epoch. */
  readonly number: number;
  /** Commits that had no number yet. */
  readonly commits: readonly Commit[];
}

export interface SourceState {
  readonly source: string;
  /** Now minus the time of its last record or progress, in milliseconds; undefined before the first. */
  readonly lagMs: number | undefined;
  readonly trusted: boolean;
}

/**
 * What one process knows of the changes everywhere: it follows the hub and applies its records in order, each to the
 * caches first (`lastChange`), then to whoever listens. Everything it says is of one moment, as nothing here waits.
 */
export interface ChangeNode {
  /** The last record that is applied; undefined while the window isn't loaded or the hub is lost: nothing is current then. */
  readonly applied: Position | undefined;
  /** Changes at or below it are not remembered: an answer with a lower fence may be old. */
  readonly floor: number;
  /** The last record that changed what has this tag, above `floor`. */
  lastChange(tag: string): number | undefined;
  /** Whether the source's changes are known up to the bound, now. A source that never said anything is not trusted. */
  isTrusted(source: string): boolean;
  hasApplied(commit: Commit): boolean;
  /** True as soon as all that is required is applied; false when the time is over or the signal aborts. */
  reaches(requirement: Requirement, timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** Called after each record is applied, with the tags that it changed. @returns ends it */
  onApplied(listener: (record: HubRecord, tags: ReadonlySet<string>) => void): () => void;
  states(): readonly SourceState[];
  close(): Promise<void>;
}
