import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export const root = join(import.meta.dirname, '..');

/** The demo as a user has it. */
export interface Demo {
  readonly npm: ChildProcess;
  /** What it has said so far. */
  readonly output: () => string;
}

/** `npm start` in a process group of its own, as a shell with job control starts it; on any free ports. */
export function npmStart(dataDir: string, env: NodeJS.ProcessEnv = {}): Demo {
  const anyPorts = { PORTICO_PORT: '0', PORTICO_ADMIN_PORT: '0', PORTICO_IDENTITY_PORT: '0' };
  const npm = spawn('npm', ['start'], {
    cwd: root,
    detached: true,
    env: { ...process.env, ...anyPorts, PORTICO_DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [npm.stdout, npm.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  return { npm, output: () => output };
}

/** @throws AssertionError with all that the demo has said when it ends instead */
export async function untilReady({ npm, output }: Demo): Promise<void> {
  await eventually('Portico is ready', async () => {
    if (npm.exitCode !== null) throw new assert.AssertionError({ message: `npm start ended:\n${output()}` });
    return /^Portico is ready: http:\/\/localhost:\d+$/m.test(output()) ? true : undefined;
  });
}

/** Stops it if it still runs; resolves when it has ended. */
export async function ctrlC({ npm }: Demo): Promise<void> {
  if (npm.pid === undefined || npm.exitCode !== null || npm.signalCode !== null) return;
  const exited = once(npm, 'exit');
  process.kill(-npm.pid, 'SIGINT');
  await exited;
}

/** Asks again until the answer is there: what was killed is back, or what was made to fail is seen to. */
export async function eventually<Result>(
  what: string,
  ask: () => Promise<Result | undefined>,
): Promise<Result> {
  const giveUpAt = Date.now() + 60_000;
  let failure: unknown;
  while (Date.now() < giveUpAt && !(failure instanceof assert.AssertionError)) {
    try {
      const result = await ask();
      if (result !== undefined) return result;
    } catch (error) {
      failure = error;
    }
    await delay(50);
  }
  throw new Error(`${what}: not within 60 s`, { cause: failure });
}
