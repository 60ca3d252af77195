import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A program that runs as a process of its own, and ends with us. */
export interface Child {
  /** Where it listens, if it does. */
  readonly url: string;
  /** Where it tells how it is, if it does. */
  readonly admin: string;
  /** CPU time that it has used so far, in microseconds. */
  cpuUs(): Promise<number>;
  /** Sends a message and waits for the answer. */
  ask(message: unknown): Promise<Record<string, unknown>>;
}

export interface ChildOptions {
  /** Path below this folder. */
  readonly program: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where its standard output goes: a file, as under a supervisor. Ours when left out. */
  readonly outputPath?: string;
  /** Whether it says where it listens. */
  readonly listens: boolean;
}

/** What a gateway needs for sign-ins, where nobody signs in. */
export const noSignIns = {
  OIDC_CLIENT_ID: 'bench',
  OIDC_CLIENT_SECRET: 'bench',
  PORTICO_PUBLIC_URL: 'http://localhost:8080',
  PORTICO_SESSION_SECRET: 'nobody signs in in a benchmark, ever',
} as const;

const reportCpu = new URL('report-cpu.ts', import.meta.url).href;

/** Starts a program, which `ending` will stop. */
export async function startChild(
  { program, env = {}, outputPath, listens }: ChildOptions,
  ending: AsyncDisposableStack,
): Promise<Child> {
  const output = outputPath === undefined ? 'inherit' : openSync(outputPath, 'a');
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    execArgv: [...process.execArgv, '--import', reportCpu],
    stdio: ['ignore', output, 'inherit', 'ipc'],
  });
  stopWith(ending, child);
  if (typeof output === 'number') closeSync(output);
  const ready = listens ? (await nextMessage(child)).ready : undefined;
  const { url = '', admin = '' } = (ready ?? {}) as { url?: string; admin?: string };
  const ask = (message: unknown) => {
    const answer = nextMessage(child);
    child.send(message as object);
    return answer;
  };
  return { url, admin, ask, cpuUs: async () => Number((await ask('cpu')).cpuUs) };
}

/** What an engine of the demo says of itself. */
export interface Engine {
  readonly url: string;
  readonly databases: Readonly<Record<string, string>>;
  readonly captures: Readonly<Record<string, string>>;
}

/**
 * Starts an engine of the demo in this folder, waiting for the disk as in production; `ending` will stop it.
 * @returns undefined when it is not installed
 */
export async function startEngine(
  name: 'postgres' | 'redis',
  env: Readonly<Record<string, string>>,
  ending: AsyncDisposableStack,
): Promise<Engine | undefined> {
  const program = fileURLToPath(new URL(`../../demo/src/engines/${name}.ts`, import.meta.url));
  const child = fork(program, [], {
    env: { PATH: process.env.PATH, ...env },
    execArgv: [],
    // PostgreSQL's log is no output of ours.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  stopWith(ending, child);
  const { ready } = await nextMessage(child);
  return (ready as Engine | null) ?? undefined;
}

function stopWith(ending: AsyncDisposableStack, child: ChildProcess): void {
  const ended = once(child, 'exit');
  ending.defer(async () => {
    child.kill('SIGTERM');
    await ended;
  });
}

function nextMessage(child: ChildProcess): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`${child.spawnargs.at(-1)} ended`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message as Record<string, unknown>);
    });
  });
}
