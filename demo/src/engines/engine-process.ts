import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

/** Whom a program runs as; only root can choose. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

export interface EngineProcess {
  readonly pid: number;
  /** Settles when the process has ended; the value says how, in words. */
  readonly ended: Promise<string>;
  isAlive(): boolean;
  /** The last line in which it complained of something, else the last that it wrote. */
  complaint(): string;
}

/**
 * Spawns an engine in a process group of its own, so that Ctrl-C reaches it only through us, in its turn. What it
 * writes is passed on to our own output.
 * @throws Error when the program can't be run at all.
 */
export async function spawnEngine(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv; readonly user?: SystemUser | undefined },
): Promise<EngineProcess> {
  const { cwd, env, user } = options;
  const child = spawn(command, args, {
    cwd,
    env,
    ...user,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let written = '';
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from.on('data', (chunk: Buffer) => {
      to.write(chunk);
      written = (written + chunk.toString()).slice(-4096);
    });
  }
  // 'close' comes after the last output, 'exit' may come before it.
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) =>
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  return {
    pid: Number(child.pid),
    ended,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    complaint: () => complaintIn(written),
  };
}

function complaintIn(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const complaint = lines.findLast((line) => /\b(PANIC|FATAL|ERROR|error):/.test(line)) ?? lines.at(-1) ?? '';
  // Without the time and process id that PostgreSQL begins its lines with.
  return complaint.replace(/^[-\d]+ [.:\d]+ \w+ \[\d+\] /, '').trim();
}

/** Sends the signals one after the other, each with its time in milliseconds, until the process is gone; SIGKILL at last. */
export async function endProcess(
  pid: number,
  isAlive: () => boolean,
  steps: readonly (readonly [signal: NodeJS.Signals, waitMs: number])[],
): Promise<void> {
  for (const [signal, waitMs] of [...steps, ['SIGKILL', 5000] as const]) {
    if (!isAlive()) return;
    sendSignal(pid, signal);
    const deadline = performance.now() + waitMs;
    while (isAlive() && performance.now() < deadline) await delay(10);
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It may have ended by itself between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
