import type { ChildProcess } from 'node:child_process';
import type { EngineReady } from './engines/engine-program.ts';

/** What a process says when it serves: services, BFFs and the gateway have an admin address, engines what `EngineReady` says. */
export interface Ready extends Partial<EngineReady> {
  readonly url: string;
  readonly admin?: string;
}

/** `absent`: it had nothing to run, as an engine that is not installed. */
export type ProcessState = 'starting' | 'ready' | 'restarting' | 'absent' | 'stopped';

export interface ProcessStatus {
  readonly name: string;
  readonly state: ProcessState;
  /** Of the engine itself for an engine; the last one while it is being started again. */
  readonly pid: number | undefined;
  readonly restarts: number;
  /** What it said when it was last ready. */
  readonly ready: Ready | undefined;
}

export interface KeptProcess {
  /** Settles when it is ready for the first time; rejects with one line when it ends before that. */
  readonly started: Promise<void>;
  status(): ProcessStatus;
  /** Asks it to end in good order, once and for all. */
  stop(): void;
  /** Ends it and everything in its process group, at once. */
  kill(): void;
  /** Settles when it has ended after `stop`. */
  readonly ended: Promise<void>;
}

export interface KeptProcessOptions {
  readonly name: string;
  /** Starts the program with an IPC channel, in a process group of its own. */
  readonly fork: () => ChildProcess;
  /** The last line in which the program that just ended complained. */
  readonly lastComplaint: () => string;
  readonly onChange: (status: ProcessStatus, detail: string) => void;
  /** How long to wait before the start after this many deaths in a row, in milliseconds. */
  readonly restartDelayMs?: (deaths: number) => number;
  /** A process that has not become ready in this time is ended and counts as dead, in milliseconds. */
  readonly startLimitMs?: number;
  /** A death after so long in good health begins the count of deaths anew, in milliseconds. */
  readonly healthyAfterMs?: number;
  readonly now?: () => number;
}

/** 200 ms, doubled with every death, 5 s at most. */
export function restartDelayMs(deaths: number): number {
  return Math.min(200 * 2 ** (deaths - 1), 5000);
}

/**
 * Starts a program and, once it has been ready, starts it again whenever it dies, for ever. A program that says
 * `{ ready: null }` has nothing to run and is left alone.
 */
export function keepProcess(options: KeptProcessOptions): KeptProcess {
  const { name, now = () => performance.now(), healthyAfterMs = 10_000, startLimitMs = 120_000 } = options;
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let child: ChildProcess | undefined;
  /** The running engine, which has a process group of its own. */
  let enginePid: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let status: ProcessStatus = { name, state: 'starting', pid: undefined, restarts: 0, ready: undefined };
  let readyAt: number | undefined;
  let deaths = 0;
  let running = false;
  let stopping = false;

  const change = (changed: Partial<ProcessStatus>, detail = ''): void => {
    status = { ...status, ...changed };
    options.onChange(status, detail);
  };

  const start = (): void => {
    running = true;
    try {
      child = options.fork();
    } catch (error) {
      onEnd((error as Error).message);
      return;
    }
    child.on('message', onMessage);
    child.once('exit', (code, signal) => {
      onEnd(signal === null ? options.lastComplaint() || `exit code ${code}` : `signal ${signal}`);
    });
    child.once('error', (error) => onEnd(error.message));
    timer = setTimeout(kill, startLimitMs);
  };

  const onMessage = (message: unknown): void => {
    const { ready } = message as { ready?: Ready | null };
    if (ready === undefined || stopping) return;
    clearTimeout(timer);
    readyAt = now();
    enginePid = ready?.pid;
    if (ready === null) change({ state: 'absent' });
    else change({ state: 'ready', ready, pid: ready.pid ?? child?.pid });
    started.resolve();
  };

  const onEnd = (why: string): void => {
    if (!running) return;
    running = false;
    enginePid = undefined;
    clearTimeout(timer);
    if (status.state === 'starting') started.reject(new Error(`${name} did not start: ${why}`));
    if (stopping || status.state === 'absent' || status.state === 'starting') finish();
    else scheduleRestart(why);
  };

  const scheduleRestart = (why: string): void => {
    deaths = readyAt !== undefined && now() - readyAt >= healthyAfterMs ? 1 : deaths + 1;
    readyAt = undefined;
    const delayMs = (options.restartDelayMs ?? restartDelayMs)(deaths);
    timer = setTimeout(restart, delayMs);
    change({ state: 'restarting' }, why);
  };

  const restart = (): void => {
    status = { ...status, restarts: status.restarts + 1 };
    start();
  };

  const finish = (): void => {
    if (status.state !== 'absent') status = { ...status, state: 'stopped' };
    started.reject(new Error(`${name} was stopped`));
    ended.resolve();
  };

  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    clearTimeout(timer);
    if (running) child?.kill('SIGTERM');
    else finish();
  };

  const kill = (): void => {
    if (running && child?.pid !== undefined) killNow(-child.pid);
    if (enginePid !== undefined) killNow(enginePid);
  };

  // Whoever stops it may have no interest in how its start ends.
  started.promise.catch(() => {});
  start();
  return { started: started.promise, ended: ended.promise, status: () => status, stop, kill };
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
