import type { Position } from '@portico/change-stream/hub/event-hub.ts';
import type { ChangeNode } from '@portico/change-stream/node/change-node.ts';
import type { Entry } from './entry-format.ts';

/** Why an entry that is there isn't given. */
export type NotCurrent = 'changed' | 'distrusted' | 'window' | 'expired';

/** What decides which answers are given. */
export interface FenceRules {
  /** What keys of entries begin with that are good under this epoch; `undefined` for those that live by a time alone. */
  prefixOf(epoch: string | undefined, schema: string): string;
  /** Why the entry can't be given now; undefined if it can. Services whose changes nobody knows live by `ttlMs`. */
  notCurrent(
    entry: Entry,
    node: ChangeNode | undefined,
    ageMs: number,
    ttlMs: number,
  ): NotCurrent | undefined;
  /** Whether a reader who arrived at `arrival` can take what was read by somebody else from `fence` on. */
  mayTake(fence: Position | undefined, arrival: Position | undefined, isCurrent: () => boolean): boolean;
}

export const fenceRules: FenceRules = {
  prefixOf: (epoch, schema) => (epoch === undefined ? `ttl:${schema}:` : `at:${epoch}:${schema}:`),

  notCurrent: (entry, node, ageMs, ttlMs) => {
    let isFenced = false;
    for (const source of entry.sources) {
      if (node === undefined || !node.follows(source)) {
        if (ageMs >= ttlMs) return 'expired';
      } else if (node.isTrusted(source)) {
        isFenced = true;
      } else return 'distrusted';
    }
    return isFenced && node !== undefined ? changedSince(entry, node) : undefined;
  },

  mayTake: (fence, arrival, isCurrent) =>
    arrival === undefined ||
    (fence !== undefined && fence.epoch === arrival.epoch && fence.number >= arrival.number) ||
    isCurrent(),
};

function changedSince({ fence, tags }: Entry, node: ChangeNode): 'window' | 'changed' | undefined {
  if (fence === null || fence < node.floor) return 'window';
  if (fence === node.applied?.number) return undefined;
  for (const tag of tags) {
    const change = node.lastChange(tag);
    if (change !== undefined && change > fence) return 'changed';
  }
  return undefined;
}
