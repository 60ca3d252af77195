import type { FillMany } from './fill-keys.ts';

/** Fills under way of what is for one user alone. */
export interface OwnedFills {
  /** The fill, known by its user while it runs. */
  of<T>(owner: string, fill: FillMany<T>): FillMany<T>;
  /** What is being filled for this user is given to those who wait for it, and not kept. */
  keepNothingOf(owner: string): void;
}

export function createOwnedFills(): OwnedFills {
  const underWay = new Map<string, Set<{ isKept: boolean }>>();
  return {
    of: (owner, fill) => async (keys, signal, deadline) => {
      const mark = { isKept: true };
      const marks = underWay.get(owner) ?? new Set();
      underWay.set(owner, marks.add(mark));
      try {
        const answers = await fill(keys, signal, deadline);
        if (mark.isKept) return answers;
        return answers.map((answer) => (answer instanceof Error ? answer : { ...answer, keep: false }));
      } finally {
        marks.delete(mark);
        if (marks.size === 0) underWay.delete(owner);
      }
    },
    keepNothingOf: (owner) => {
      for (const mark of underWay.get(owner) ?? []) mark.isKept = false;
    },
  };
}
