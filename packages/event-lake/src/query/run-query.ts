import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Lake } from '../lake.ts';
import { selectSegments } from '../replay-lake.ts';
import type { LakeOutput } from '../run-lake.ts';
import { segmentName } from '../segment.ts';

/** What the process with DuckDB is told. */
export interface Question {
  readonly sql: string;
  /** Paths of the segments. */
  readonly files: readonly string[];
  /** Lines of JSON instead of a table. */
  readonly asJson: boolean;
}

/**
 * Asks DuckDB in a process of its own, as a native crash or what a query takes must cost nobody else anything. It reads the
 * segments that were found to be what was written, and nothing else of this machine.
 */
export async function runQuery(lake: Lake, args: readonly string[], { stderr }: LakeOutput): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { json: { type: 'boolean', default: false }, seconds: { type: 'string', default: '60' } },
    allowPositionals: true,
  });
  const [sql, ...others] = positionals;
  const seconds = Number(values.seconds);
  if (sql === undefined || others.length > 0 || !(seconds > 0 && seconds <= 86_400)) {
    throw new Error('say portico lake query "<sql>" [--json] [--seconds 60]');
  }
  const segments = await selectSegments(lake, {});
  const files = segments.map((segment) => join(lake.folder, segmentName(segment)));
  return askDuckDb({ sql, files, asJson: values.json }, seconds, stderr);
}

async function askDuckDb(question: Question, seconds: number, stderr: LakeOutput['stderr']): Promise<number> {
  // By its public name, which is right here and where it is installed.
  const program = fileURLToPath(import.meta.resolve('@portico/event-lake/query/answer-query.ts'));
  const child = fork(program, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, seconds * 1_000);
  child.send(question);
  const [code, signal] = await once(child, 'exit');
  clearTimeout(timer);
  if (isLate) stderr.write(`the query took longer than ${seconds} s: --seconds allows it more\n`);
  else if (signal !== null) stderr.write(`DuckDB was ended by ${signal}\n`);
  return code ?? 1;
}
