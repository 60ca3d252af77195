import type { Sight } from './change-node.ts';

export interface SourceClocks {
  /** How long after its commit a change may become known at the most, in milliseconds. */
  readonly boundMs: number;
  /** How far the clocks of two machines may be apart, in milliseconds. */
  readonly clockSkewMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly steadyNow: () => number;
}

/** What one source said last, and when. */
export interface HeardSource {
  /** The end of the hub's log when it was said. */
  readonly number: number;
  /** Which log of the source's it was: xids of different ones can't be compared. */
  readonly log: string;
  readonly committedAt: number;
  readonly heardAt: number;
  readonly steadyHeardAt: number;
  /** Every transaction below it is applied; decimal digits. */
  readonly xmin: string;
}

/** The greater of two numbers of decimal digits without leading zeros, of any length. */
export function isBelow(xid: string, other: string): boolean {
  return xid.length === other.length ? xid < other : xid.length < other.length;
}

/** Now minus the time of what was said last; by the clock that says more, if ours was set in between. */
export function lagOf({ committedAt, heardAt, steadyHeardAt }: HeardSource, clocks: SourceClocks): number {
  return heardAt - committedAt + Math.max(clocks.now() - heardAt, clocks.steadyNow() - steadyHeardAt);
}

/**
 * Whether all that the source committed more than the bound ago is known. It is not when a clock can't be right: the
 * source's is ahead of ours, or ours was set since the source was heard.
 */
export function isTrusted(heard: HeardSource, clocks: SourceClocks): boolean {
  const { boundMs, clockSkewMs, now, steadyNow } = clocks;
  const jumpedMs = Math.abs(now() - heard.heardAt - (steadyNow() - heard.steadyHeardAt));
  const aheadMs = heard.committedAt - heard.heardAt;
  return aheadMs <= clockSkewMs && jumpedMs <= clockSkewMs && lagOf(heard, clocks) + clockSkewMs <= boundMs;
}

/** What the source said last lies above all that the read can have shown. */
export function hasSeen(heard: HeardSource, sight: Sight, { clockSkewMs }: SourceClocks): boolean {
  if (sight.below !== undefined && !isBelow(heard.xmin, sight.below)) return true;
  return heard.committedAt > sight.at + clockSkewMs;
}
