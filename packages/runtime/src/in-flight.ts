import type { ServerResponse } from 'node:http';

/** The answers that a process is at work on. */
export interface InFlight {
  readonly all: readonly ServerResponse[];
  /** Adds an answer until it is closed. */
  readonly add: (res: ServerResponse) => void;
}

/**
 * An array and not a Set: V8 moves a Set to a new table every few changes, and the tables left behind each point to the
 * next. When one of them is old, all requests after it are kept until the next full collection: a third of the CPU time
 * of a busy gateway went there.
 */
export function createInFlight(): InFlight {
  const all: ServerResponse[] = [];
  const remove = (res: ServerResponse) => {
    const last = all.pop();
    // What came last mostly ends first, so the search is short.
    if (last !== undefined && last !== res) all[all.lastIndexOf(res)] = last;
  };
  return {
    all,
    add: (res) => {
      all.push(res);
      res.on('close', () => remove(res));
    },
  };
}
