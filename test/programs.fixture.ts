import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

export interface Program {
  readonly url: string;
  readonly admin: string;
  readonly child: ChildProcess;
  /** Asks it to stop, as an operator does; resolves with its exit code. */
  readonly stop: () => Promise<number | null>;
}

/**
 * Starts a program of the product as a process of its own, on any free ports unless `env` says otherwise.
 * @param path from the root, with its arguments: `bffs/web/src/main.ts`, `cli/src/main.ts mock catalog.yaml`
 * @throws Error with what it said when it ends before it serves
 */
export async function startProgram(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Program> {
  const [program = '', ...args] = path.split(' ');
  const child = fork(join(root, program), args, {
    cwd: root,
    env: { PATH: process.env.PATH, LOG_LEVEL: 'silent', PORTICO_PORT: '0', PORTICO_ADMIN_PORT: '0', ...env },
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const ended = exited.then(([code]) => {
    throw new Error(`${path} ended with ${code}`);
  });
  const [{ ready }] = (await Promise.race([once(child, 'message'), ended])) as [{ ready: Program }];
  ended.catch(() => {});
  return {
    url: ready.url,
    admin: ready.admin,
    child,
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code;
    },
  };
}
