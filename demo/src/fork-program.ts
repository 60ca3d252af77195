import { type ChildProcess, fork } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { ProcessLogs } from './process-log.ts';
import type { ProcessSpec } from './supervisor.ts';

/**
 * Starts a program with the Node that runs us, in a process group of its own: Ctrl-C in a terminal reaches us alone, and
 * we stop everything in its order. The IPC channel ends with us, whatever ends us, and the program then stops itself.
 */
export function forkProgram(
  { name, program, args = [] }: ProcessSpec,
  env: Readonly<Record<string, string | undefined>>,
  logs: ProcessLogs,
): ChildProcess {
  const log = logs.open(name);
  try {
    return fork(program, [...args], {
      env,
      execArgv: [],
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    });
  } finally {
    closeSync(log);
  }
}
