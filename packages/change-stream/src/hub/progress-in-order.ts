import type { Progress } from './event-hub.ts';

/**
 * Gives each source's progress once, and none before the records that it speaks of. A reader that is behind gets the one
 * that it found first as soon as it is there, however many newer ones there are by then: so it always learns of all sources.
 * @returns of what the hub says now, what a reader may hear that has all records up to `number`
 */
export function createProgressOrder(): (latest: readonly Progress[], number: number) => Progress[] {
  const waiting = new Map<string, Progress>();
  const told = new Map<string, string>();

  return (latest, number) => {
    const due: Progress[] = [];
    for (const newest of latest) {
      const { source } = newest;
      const next = newest.number <= number ? newest : (waiting.get(source) ?? newest);
      if (told.get(source) === JSON.stringify(next)) continue;
      if (next.number > number) waiting.set(source, next);
      else {
        waiting.delete(source);
        told.set(source, JSON.stringify(next));
        due.push(next);
      }
    }
    return due;
  };
}
