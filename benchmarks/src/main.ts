/** `npm run bench [-- <part> …]`: measures all parts, or these, one after the other. */
import { join } from 'node:path';
import process from 'node:process';
import { reportCacheHits } from './cache-hit.ts';
import { reportCommitToAnswers } from './coherence/commit-to-answers.ts';
import { reportCommitToCaches } from './coherence/commit-to-caches.ts';
import { reportLive } from './coherence/live.ts';
import { reportMix } from './coherence/mix.ts';
import { reportSync } from './coherence/sync.ts';
import { reportGatewayCpu } from './gateway-cpu.ts';
import { reportHub } from './hub.ts';
import { reportLake } from './lake.ts';
import { type Report, writeReport } from './report.ts';
import { reportViews } from './views.ts';

/** Each puts into `ending` what has to be stopped and deleted after it. */
const parts: Readonly<Record<string, (ending: AsyncDisposableStack) => Promise<Report>>> = {
  'gateway-cpu': reportGatewayCpu,
  'commit-to-caches': reportCommitToCaches,
  'commit-to-answers': reportCommitToAnswers,
  mix: reportMix,
  sync: reportSync,
  live: reportLive,
  'cache-hit': reportCacheHits,
  hub: reportHub,
  lake: reportLake,
  views: reportViews,
};
const pictures = join(import.meta.dirname, '..', 'results');

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined) throw new Error(`expected ${Object.keys(parts).join(', ')}; got ${unknown}`);

let ending = new AsyncDisposableStack();
let stopped: Promise<void> | undefined;
const stop = (code: number) => {
  stopped ??= ending.disposeAsync().finally(() => process.exit(code));
};
// Without a parent there is nobody to read it either.
for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.on(event, () => stop(130));
// Listening for its end would keep us waiting for it.
process.channel?.unref();
process.on('uncaughtException', (error) => {
  // What fails because it was stopped is no news.
  if (stopped === undefined) process.stderr.write(`${error.stack}\n`);
  stop(1);
});

for (const [name, report] of Object.entries(parts)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  ending = new AsyncDisposableStack();
  try {
    process.stdout.write(writeReport(name, await report(ending), pictures));
  } finally {
    await (stopped ?? ending.disposeAsync());
  }
}
