/**
 * A process that writes the lake in small segments, and kills itself at a step, when it comes there for the nth time:
 * half-way through a write, before or after a sync, a rename or the manifest's transaction.
 */
import fs, { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { StatementSync } from 'node:sqlite';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { openLakeForWriting } from './lake.ts';
import { writeLake } from './write-lake.ts';

const [hubUrl = '', dir = '', step = '', nth = ''] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));

const lake = await openLakeForWriting(dir);
let times = 0;
const at = (here: string) => {
  if (here !== step) return;
  times += 1;
  if (times === Number(nth)) process.kill(process.pid, 'SIGKILL');
};

const handle = await open(dir);
const methods = Object.getPrototypeOf(handle);
await handle.close();
const { sync, writeFile } = methods;
methods.writeFile = async function (chunk: Buffer) {
  const half = Math.floor(chunk.length / 2);
  await writeFile.call(this, chunk.subarray(0, half));
  at('write');
  await writeFile.call(this, chunk.subarray(half));
};
methods.sync = async function () {
  at('before sync');
  await sync.call(this);
  at('after sync');
};
const { rename } = fs;
fs.rename = async (from, to) => {
  at('before rename');
  await rename(from, to);
  at('after rename');
};
syncBuiltinESMExports();
const { run } = StatementSync.prototype;
StatementSync.prototype.run = function (this: StatementSync, ...values: Parameters<typeof run>) {
  at('before manifest');
  const changes = run.apply(this, values);
  at('after manifest');
  return changes;
} as typeof run;

process.send?.('writing');
const hub = createPostgresEventHub({ url: hubUrl, log: silentLogger });
await writeLake(
  { hub, lake, maxBytes: 20_000, maxAgeMs: 20, log: silentLogger },
  new AbortController().signal,
);
