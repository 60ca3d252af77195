import type { ProcessState, ProcessStatus } from './kept-process.ts';

/** One process, as `/status.json` shows it: nothing that only the operator may know, such as addresses and passwords. */
export interface ProcessReport {
  readonly name: string;
  readonly state: ProcessState;
  readonly pid: number | undefined;
  readonly restarts: number;
  /** Which engine it is. */
  readonly engine: string | undefined;
  /** Names of what its `/readyz` misses; `['no answer']` when it gave none. Empty when it is ready. */
  readonly notReady: readonly string[];
}

/** Asks every process that has an admin port whether it is ready, each for at most `timeoutMs`. */
export function reportStatuses(
  statuses: readonly ProcessStatus[],
  timeoutMs = 500,
): Promise<readonly ProcessReport[]> {
  return Promise.all(
    statuses.map(async ({ name, state, pid, restarts, ready }) => {
      const asked = state === 'ready' && ready?.admin !== undefined;
      const notReady = asked ? await missing(`${ready.admin}/readyz`, timeoutMs) : [];
      return { name, state, pid, restarts, engine: ready?.engine, notReady };
    }),
  );
}

async function missing(url: string, timeoutMs: number): Promise<readonly string[]> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    const { notReady } = (await answer.json()) as { notReady: string[] };
    return notReady;
  } catch {
    return ['no answer'];
  }
}
