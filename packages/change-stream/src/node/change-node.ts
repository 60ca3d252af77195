import type { HubRecord, Position } from '../hub/event-hub.ts';

/** A transaction of a source, as `Commit-Id` names it: `<source>:<xid>`. */
export interface Commit {
  readonly source: string;
  /** Decimal digits, 64 bits. */
  readonly xid: string;
}

/**
 * All that a source showed at one moment. A read that goes to a service may see commits that have no number yet, so the
 * fence it was made at says how old its answer may be, and this how new.
 */
export interface Sight {
  readonly source: string;
  /** When the read ended, in epoch milliseconds by the clock of the process that read. */
  readonly at: number;
  /** If the service said so: every transaction that was seen has an xid below this one (`pg_snapshot_xmax`). */
  readonly below?: string;
}

/** What a client has to see at least. */
export interface Requirement {
  /** Undefined for a client that only made commits. One of another epoch is never reached. */
  readonly position: Position | undefined;
  /** Commits that had no number yet. */
  readonly commits: readonly Commit[];
  /** What answers may have shown beyond `position`. */
  readonly seen: readonly Sight[];
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
  /**
   * The last record that is applied; undefined while the window isn't loaded: nothing is current then. A hub that is away
   * leaves it as it is: what lags past the bound isn't trusted any more.
   */
  readonly applied: Position | undefined;
  /** Changes at or below it are not remembered: an answer with a lower fence may be old. */
  readonly floor: number;
  /** The last record that changed what has this tag, above `floor`. */
  lastChange(tag: string): number | undefined;
  /**
   * Whether the source's changes come through the hub: it has said something once. Before the window is loaded nobody can
   * say, and every source counts as one that does.
   */
  follows(source: string): boolean;
  /** Whether the source's changes are known up to the bound, now. A source that never said anything is not trusted. */
  isTrusted(source: string): boolean;
  hasApplied(commit: Commit): boolean;
  /** Whether everything that a read can have shown is applied. */
  hasSeen(sight: Sight): boolean;
  /** True as soon as all that is required is applied; false when the time is over, the signal aborts or the epoch ends. */
  reaches(requirement: Requirement, timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** Called after each record is applied, with the tags that it changed. @returns ends it */
  onApplied(listener: (record: HubRecord, tags: ReadonlySet<string>) => void): () => void;
  /**
   * Called when all that is known was loaded from the hub, at first and anew: nobody is told of the records up to `applied`.
   * @returns ends it
   */
  onLoaded(listener: () => void): () => void;
  states(): readonly SourceState[];
  close(): Promise<void>;
}
