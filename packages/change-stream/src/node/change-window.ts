export interface ChangeWindowOptions {
  /** How many records are remembered at least, once there were as many. */
  readonly records: number;
  /** How many tags and commits; a window full of them is shorter than `records`. */
  readonly entries: number;
}

/** The last changes of each tag and the last commits, from `floor` on. */
export interface ChangeWindow {
  readonly floor: number;
  /** Takes the next record: its number, the tags that it changed, and the commit that it completes, if any. */
  add(number: number, tags: Iterable<string>, commit: string | undefined): void;
  lastChange(tag: string): number | undefined;
  hasCommit(commit: string): boolean;
}

interface Generation {
  readonly changes: Map<string, number>;
  readonly commits: Set<string>;
  records: number;
  last: number;
}

const newGeneration = (last: number): Generation => ({
  changes: new Map(),
  commits: new Set(),
  records: 0,
  last,
});

/**
 * Two generations: when the young one is full it becomes the old one, whose own content is let go of as a whole. Nothing
 * is ever deleted from a table, as tables with deletions keep garbage alive that collections of young objects can't find.
 */
export function createChangeWindow(floor: number, { records, entries }: ChangeWindowOptions): ChangeWindow {
  let old = newGeneration(floor);
  let young = newGeneration(floor);

  let lowest = floor;

  const rotate = () => {
    lowest = old.last;
    old = young;
    young = newGeneration(old.last);
  };

  return {
    get floor() {
      return lowest;
    },
    add: (number, tags, commit) => {
      const full = young.records >= records || young.changes.size >= entries || young.commits.size >= entries;
      if (full) rotate();
      for (const tag of tags) young.changes.set(tag, number);
      if (commit !== undefined) young.commits.add(commit);
      young.records += 1;
      young.last = number;
    },
    lastChange: (tag) => young.changes.get(tag) ?? old.changes.get(tag),
    hasCommit: (commit) => young.commits.has(commit) || old.commits.has(commit),
  };
}
