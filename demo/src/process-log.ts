import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/** The log files of the processes: `<dir>/<name>.log`, and the one before as `<name>.log.1`. */
export interface ProcessLogs {
  /** A file descriptor to append to, for one start of a process; whoever gets it closes it. */
  open(name: string): number;
  /** The last line since `open` that is neither a JSON log line nor part of a stack trace; '' when there is none. */
  lastComplaint(name: string): string;
  /** Begins anew every file that has grown above the bound. */
  bound(): void;
}

/**
 * Processes write to their files directly, not through us: they neither wait for us nor fall over when we are gone. That
 * is also why a file that has grown too large is copied and emptied, not renamed.
 * @param maxBytes bound of one file; between two calls of `bound` it can be exceeded.
 */
export function createProcessLogs(dir: string, maxBytes = 16 * 1024 * 1024): ProcessLogs {
  const beginnings = new Map<string, number>();
  const pathOf = (name: string) => join(dir, `${name}.log`);

  return {
    open(name) {
      // Again at each start: somebody may have tidied up.
      mkdirSync(dir, { recursive: true });
      const file = openSync(pathOf(name), 'a');
      beginnings.set(name, statSync(pathOf(name)).size);
      return file;
    },
    lastComplaint(name) {
      if (!existsSync(pathOf(name))) return '';
      const bytes = readFileSync(pathOf(name)).subarray(beginnings.get(name) ?? 0);
      return complaintIn(bytes.toString());
    },
    bound() {
      for (const name of beginnings.keys()) {
        const file = statSync(pathOf(name), { throwIfNoEntry: false });
        if (file === undefined || file.size <= maxBytes) continue;
        copyFileSync(pathOf(name), `${pathOf(name)}.1`);
        truncateSync(pathOf(name));
        beginnings.set(name, 0);
      }
    },
  };
}

function complaintIn(output: string): string {
  const lines = output.split('\n').filter((line) => line !== '' && !/^([\s{}^]|Node\.js v)/.test(line));
  return lines.at(-1) ?? '';
}
