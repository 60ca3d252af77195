import { setTimeout as delay } from 'node:timers/promises';

/** Begins something so many times a second, however long it takes, for so many seconds; gives what all of it gave. */
export async function atRate<Result>(
  perSecond: number,
  seconds: number,
  begin: (index: number) => Promise<Result>,
): Promise<Result[]> {
  const begun: Promise<Result>[] = [];
  const total = perSecond * seconds;
  for (const start = performance.now(); begun.length < total; await delay(1)) {
    const due = Math.min(total, ((performance.now() - start) / 1_000) * perSecond);
    while (begun.length < due) begun.push(begin(begun.length));
  }
  return Promise.all(begun);
}
