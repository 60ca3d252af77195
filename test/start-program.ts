import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Program {
  readonly url: string;
  readonly admin: string;
  /** SIGTERM; gives the exit code, null where a signal ended it. */
  readonly stop: () => Promise<number | null>;
}

/** Programs as an operator starts them, without a parent that they know of: `endAll` ends what a test left running. */
export function createPrograms(env: Readonly<Record<string, string | undefined>>) {
  const running = new Set<ChildProcess>();

  /** Gives the addresses that the program reports in its log once it listens. */
  const start = async (
    command: string,
    args: readonly string[],
    cwd: string,
    more: Record<string, string>,
  ) => {
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const child = spawn(command, [...args], { cwd, env: { ...env, ...more }, stdio: [...stdio] });
    running.add(child);
    const exited = once(child, 'exit').finally(() => running.delete(child));
    const { url, admin } = await readyLine(child);
    const stop = async () => {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code as number | null;
    };
    return { url, admin, stop } satisfies Program;
  };
  const endAll = () => {
    for (const child of running) child.kill('SIGKILL');
  };
  return { start, endAll };
}

async function readyLine({ stdout }: ChildProcess): Promise<{ url: string; admin: string }> {
  if (stdout === null) throw new Error('the program has no output to read');
  for await (const line of createInterface({ input: stdout })) {
    const entry = JSON.parse(line);
    if (entry.msg !== 'ready') continue;
    // What follows is of no interest, but must be read for the program to go on.
    stdout.resume();
    return entry;
  }
  throw new Error('the program ended before it was ready');
}
