import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { type KeptProcess, keepProcess, type ProcessStatus, type Ready } from './kept-process.ts';

/** In the order in which they start; what is in one level starts side by side. */
export const levels = ['engines', 'services', 'capture', 'bffs', 'edge'] as const;
export type Level = (typeof levels)[number];

export interface ProcessSpec {
  readonly name: string;
  readonly level: Level;
  /** Path of the TypeScript program. */
  readonly program: string;
  /** What its command line says after the program. */
  readonly args?: readonly string[];
  /** Its settings, from what the processes of earlier levels said when they became ready. */
  readonly env: (ready: ReadyByName) => Readonly<Record<string, string | undefined>>;
}

/** By process name; a process that is absent is not in it. */
export type ReadyByName = Readonly<Record<string, Ready | undefined>>;

export interface SupervisorOptions {
  /** Forks the program of a process with these settings. */
  readonly fork: (spec: ProcessSpec, env: Readonly<Record<string, string | undefined>>) => ChildProcess;
  readonly lastComplaint: (name: string) => string;
  /** Called whenever a process becomes ready, is found absent, or dies; `detail` says how it died. */
  readonly onChange: (status: ProcessStatus, detail: string) => void;
  readonly restartDelayMs?: (deaths: number) => number;
}

export interface Supervisor {
  /** Starts one level after the other. Rejects with one line when a process ends before it was ready. */
  start(): Promise<void>;
  /** In the order of the table; those that have not been started yet are not in it. */
  statuses(): readonly ProcessStatus[];
  /** Stops one level after the other, the last first; what still lives after `limitMs` is killed. Again: the same promise. */
  stop(limitMs?: number): Promise<void>;
}

/** How much of the time for stopping a level may take before the next one is told to stop too. */
const stopShare: Readonly<Record<Level, number>> = {
  edge: 0.35,
  bffs: 0.2,
  capture: 0.05,
  services: 0.1,
  engines: 0.3,
};

/** Runs the processes of the table, each kept alive by `keepProcess`. */
export function createSupervisor(table: readonly ProcessSpec[], options: SupervisorOptions): Supervisor {
  const running = new Map<ProcessSpec, KeptProcess>();
  let stopped: Promise<void> | undefined;

  const statuses = () => [...running.values()].map((kept) => kept.status());
  const readyByName = (): ReadyByName =>
    Object.fromEntries(statuses().map(({ name, ready }) => [name, ready]));
  const ofLevel = (level: Level) => table.filter((spec) => spec.level === level);

  const keep = (spec: ProcessSpec): Promise<void> => {
    const kept = keepProcess({
      ...options,
      name: spec.name,
      fork: () => options.fork(spec, spec.env(readyByName())),
      lastComplaint: () => options.lastComplaint(spec.name),
    });
    running.set(spec, kept);
    return kept.started;
  };

  const start = async (): Promise<void> => {
    for (const level of levels) {
      if (stopped !== undefined) throw new Error('stopped before everything was started');
      await Promise.all(ofLevel(level).map(keep));
    }
  };

  const stopAll = async (limitMs: number): Promise<void> => {
    const everything = Promise.all([...running.values()].map((kept) => kept.ended));
    const limit = delay(limitMs, undefined, { ref: false });
    for (const level of levels.toReversed()) {
      const processes = ofLevel(level).flatMap((spec) => running.get(spec) ?? []);
      for (const kept of processes) kept.stop();
      const share = delay(limitMs * stopShare[level], undefined, { ref: false });
      await Promise.race([Promise.all(processes.map((kept) => kept.ended)), share]);
    }
    await Promise.race([everything, limit]);
    for (const kept of running.values()) kept.kill();
    await everything;
  };

  const stop = (limitMs = 9000): Promise<void> => {
    stopped ??= stopAll(limitMs);
    return stopped;
  };

  return { start, statuses, stop };
}
