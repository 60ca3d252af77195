/** What `npm run torture` runs: the tests that take long, one after the other. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import process from 'node:process';

const files = globSync([
  'test/**/*.torture.ts',
  '{gateway,cli,demo,bffs/*,mock-services/*,packages/*}/src/**/*.torture.ts',
]);
const child = spawn(process.execPath, ['--test', '--test-concurrency=1', ...files.sort()], {
  stdio: 'inherit',
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => child.kill(signal));
const [code] = await once(child, 'exit');
process.exit(code ?? 1);
