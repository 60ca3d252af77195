import type { Writable } from 'node:stream';
import { readLakeDir } from './config.ts';
import { endWithReader } from './end-with-reader.ts';
import { type Lake, LakeDamaged, openLake } from './lake.ts';
import { runQuery } from './query/run-query.ts';
import { runReplay } from './run-replay.ts';
import { verifyLake } from './verify-lake.ts';

export interface LakeOutput {
  /** What was asked for. */
  readonly stdout: Writable;
  /** How it goes, and what is wrong. */
  readonly stderr: Writable;
}

const actions: Readonly<
  Record<
    string,
    (lake: Lake, args: readonly string[], output: LakeOutput, env: NodeJS.ProcessEnv) => Promise<number>
  >
> = {
  verify: runVerify,
  query: runQuery,
  replay: runReplay,
};

/**
 * `portico lake verify|query|replay`.
 * @returns the exit code: 1 when the lake is damaged or the query fails
 * @throws Error with one line about what was asked
 */
export async function runLake(
  [name = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  output: LakeOutput,
): Promise<number> {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) {
    throw new Error('say portico lake write, lake verify, lake query "<sql>", or lake replay');
  }
  endWithReader(output.stdout);
  let lake: Lake | undefined;
  try {
    lake = openLake(readLakeDir(env));
    return await action(lake, args, output, env);
  } catch (error) {
    if (!isDamage(error)) throw error;
    output.stderr.write(`damaged: ${error.message}\n`);
    return 1;
  } finally {
    lake?.manifest.close();
  }
}

async function runVerify(lake: Lake, args: readonly string[], { stdout }: LakeOutput): Promise<number> {
  if (args.length > 0) throw new Error('say portico lake verify; LAKE_URL says which lake');
  let damages = 0;
  const { parts, segments, records, events } = await verifyLake(lake, (damage) => {
    damages += 1;
    stdout.write(`damaged: ${damage}\n`);
  });
  const held = `${segments} segments, ${records} records, ${events} events in ${parts} parts`;
  stdout.write(damages === 0 ? `clean: ${held}\n` : `${damages} damages in ${held}\n`);
  return damages === 0 ? 0 : 1;
}

/** SQLite's errors are about the manifest. */
function isDamage(error: unknown): error is Error {
  return error instanceof LakeDamaged || (error as { code?: string }).code === 'ERR_SQLITE_ERROR';
}
