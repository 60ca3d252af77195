import type { HubMessage, HubRecord, Position, Progress } from '../hub/event-hub.ts';
import type { Commit, Requirement, Sight, SourceState } from './change-node.ts';
import { type ChangeWindowOptions, createChangeWindow } from './change-window.ts';
import { type HeardSource, hasSeen, isBelow, isTrusted, lagOf, type SourceClocks } from './heard-source.ts';

/** All that is known of one log. */
export interface KnownLog {
  readonly applied: Position;
  /** The record at `applied`; undefined if none was applied yet. */
  readonly last: HubRecord | undefined;
  readonly floor: number;
  lastChange(tag: string): number | undefined;
  follows(source: string): boolean;
  isTrusted(source: string): boolean;
  hasApplied(commit: Commit): boolean;
  hasSeen(sight: Sight): boolean;
  isReached(requirement: Requirement): boolean;
  states(): readonly SourceState[];
  /**
   * Applies what comes; what is applied already is left out.
   * @throws when a record is missing in between.
   */
  apply(message: HubMessage): void;
}

export interface KnownLogOptions {
  readonly window: ChangeWindowOptions;
  readonly clocks: SourceClocks;
  readonly tagsOf: (record: HubRecord) => ReadonlySet<string>;
  /** Called after each record is applied. */
  readonly tell: (record: HubRecord, tags: ReadonlySet<string>) => void;
}

/**
 * @param start nothing up to here is remembered
 * @param rewrittenTo numbers below it may have meant other records once
 */
export function createKnownLog(start: Position, rewrittenTo: number, options: KnownLogOptions): KnownLog {
  const { clocks, tagsOf, tell } = options;
  const window = createChangeWindow(start.number, options.window);
  const heardSources = new Map<string, HeardSource>();
  let applied = start;
  let last: HubRecord | undefined;

  const hear = ({ source, offset, committedAt, xmin, number }: Progress) => {
    const at = { heardAt: clocks.now(), steadyHeardAt: clocks.steadyNow() };
    heardSources.set(source, { number, log: offset.log, committedAt, xmin, ...at });
  };

  const applyRecord = (record: HubRecord) => {
    const { number, source, offset, xid, part, committedAt } = record;
    if (number <= applied.number) return;
    if (number !== applied.number + 1) throw new Error(`record ${number} came after ${applied.number}`);
    const tags = tagsOf(record);
    const isWhole = part === undefined || part.number === part.of;
    window.add(number, tags, isWhole ? nameOf(source, offset.log, xid) : undefined);
    applied = { epoch: applied.epoch, number };
    last = record;
    // A source that was restored gives its xids again.
    const before = heardSources.get(source);
    hear({ source, offset, committedAt, number, xmin: before?.log === offset.log ? before.xmin : '0' });
    tell(record, tags);
  };

  /** Takes over what was said, unless it speaks of records that aren't applied, or is older than what is known. */
  const applyProgress = (progress: Progress) => {
    const { number: heard = 0 } = heardSources.get(progress.source) ?? {};
    if (progress.number <= applied.number && progress.number >= heard) hear(progress);
  };

  const hasApplied = ({ source, xid }: Commit) => {
    const heard = heardSources.get(source);
    if (heard === undefined) return false;
    return isBelow(xid, heard.xmin) || window.hasCommit(nameOf(source, heard.log, xid));
  };
  const sees = (sight: Sight) => {
    const heard = heardSources.get(sight.source);
    return heard !== undefined && hasSeen(heard, sight, clocks);
  };
  const isAt = (position: Position | undefined) =>
    position === undefined || (applied.epoch === position.epoch && applied.number >= position.number);

  return {
    get applied() {
      return applied;
    },
    get last() {
      return last;
    },
    get floor() {
      return Math.max(window.floor, rewrittenTo);
    },
    lastChange: (tag) => window.lastChange(tag),
    follows: (source) => heardSources.has(source),
    isTrusted: (source) => {
      const heard = heardSources.get(source);
      return heard !== undefined && isTrusted(heard, clocks);
    },
    hasApplied,
    hasSeen: sees,
    isReached: ({ position, commits, seen }) =>
      isAt(position) && commits.every(hasApplied) && seen.every(sees),
    states: () =>
      [...heardSources].map(([source, heard]) => ({
        source,
        lagMs: lagOf(heard, clocks),
        trusted: isTrusted(heard, clocks),
      })),
    apply: (message) => {
      if (message.kind === 'record') applyRecord(message.record);
      else applyProgress(message.progress);
    },
  };
}

const nameOf = (source: string, log: string, xid: string) => `${source} ${log} ${xid}`;
