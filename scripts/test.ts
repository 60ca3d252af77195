/** What `npm test` runs: types and lint (cached by turbo), then every test in one run, whose summary comes last. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import process from 'node:process';

const environment = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
const testFiles = globSync([
  'test/**/*.test.ts',
  '{gateway,cli,demo,benchmarks,bffs/*,mock-services/*,packages/*}/src/**/*.test.ts',
]);

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: 'inherit', env: environment });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  if (code !== 0) process.exit(code ?? 1);
}

await run('turbo', ['run', 'types', 'lint', '--ui=stream', '--output-logs=errors-only']);
// Two files at a time: what the two cores of a small machine bear.
await run(process.execPath, ['--test', '--test-concurrency=2', ...testFiles.sort()]);
