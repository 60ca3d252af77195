import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A program that runs as a process of its own, and ends with us. */
export interface Child {
  /** Where it listens, if it does. */
  readonly port: number;
  /** CPU time that it has used so far, in microseconds. */
  cpuUs(): Promise<number>;
  /** Sends a message and waits for the answer. */
  ask(message: unknown): Promise<Record<string, unknown>>;
  stop(): void;
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

const reportCpu = new URL('report-cpu.ts', import.meta.url).href;

export async function startChild({ program, env = {}, outputPath, listens }: ChildOptions): Promise<Child> {
  const output = outputPath === undefined ? 'inherit' : openSync(outputPath, 'a');
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    execArgv: [...process.execArgv, '--import', reportCpu],
    stdio: ['ignore', output, 'inherit', 'ipc'],
  });
  if (typeof output === 'number') closeSync(output);
  const ready = listens ? ((await nextMessage(child)).ready as { url: string }) : undefined;
  const ask = (message: unknown) => {
    const answer = nextMessage(child);
    child.send(message as object);
    return answer;
  };
  return {
    port: ready === undefined ? 0 : Number(new URL(ready.url).port),
    ask,
    cpuUs: async () => Number((await ask('cpu')).cpuUs),
    stop: () => void child.kill('SIGTERM'),
  };
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
