import { fork } from 'node:child_process';
import { once } from 'node:events';

/** A program of ours as a process of its own, with nothing of our environment but PATH. */
export interface Program {
  /** Its addresses; rejects when it ends before it is ready. */
  readonly ready: Promise<{ url: string; admin: string }>;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  end(signal: 'SIGTERM' | 'SIGKILL'): Program['ended'];
}

/** @param execArgv options of Node */
export function startProgram(main: URL, env: NodeJS.ProcessEnv, execArgv: readonly string[] = []): Program {
  const child = fork(main, [], {
    env: { PATH: process.env.PATH, ...env },
    execArgv: [...execArgv],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk) => {
      said[name] += chunk;
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code, ...said }));
  const failed = ended.then(() => Promise.reject(new Error(`the program did not start: ${said.stderr}`)));
  const ready = Promise.race([once(child, 'message').then(([message]) => message.ready), failed]);
  ready.catch(() => {});
  failed.catch(() => {});
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return ended;
  };
  return { ready, ended, end };
}
