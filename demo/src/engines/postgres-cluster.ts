import { randomBytes } from 'node:crypto';
import { chown, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandLineOf } from './command-line.ts';
import { endProcess, spawnEngine } from './engine-process.ts';
import type { PostgresHome } from './postgres-home.ts';

/** What it takes to make a cluster. */
export interface ClusterOptions {
  readonly home: PostgresHome;
  readonly binaries: string;
  readonly password: string;
  /** Don't wait for the disk: for data that nobody needs after a crash. */
  readonly temporary: boolean;
  readonly stopping: AbortSignal;
}

/**
 * The folder of the database cluster, which is made on the first call. `initdb` works in a folder of another name, so a
 * cluster that exists is complete, and what a killed `initdb` left is removed by the next start.
 * @throws Error with one line when initdb fails.
 */
export async function ensureCluster(options: ClusterOptions): Promise<string> {
  const { dir } = options.home;
  const cluster = join(dir, 'cluster');
  for (const name of await readdir(dir)) {
    if (!name.startsWith('new-')) continue;
    // An initdb that outlived the killed program may still be writing there.
    await rm(join(dir, name), { recursive: true, force: true, maxRetries: 20 });
  }
  if (await exists(join(cluster, 'PG_VERSION'))) return cluster;

  const passwordFile = join(dir, 'new-password');
  const incomplete = join(dir, `new-${randomBytes(4).toString('hex')}`);
  await writeFile(passwordFile, options.password, { mode: 0o600 });
  if (options.home.user) await chown(passwordFile, options.home.user.uid, options.home.user.gid);
  await initdb(options, incomplete, passwordFile);
  await rm(passwordFile);
  await rename(incomplete, cluster);
  return cluster;
}

async function initdb(options: ClusterOptions, dir: string, passwordFile: string): Promise<void> {
  const args = [`--pgdata=${dir}`, '--username=postgres', `--pwfile=${passwordFile}`];
  args.push('--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-instructions');
  if (options.temporary) args.push('--no-sync');
  const { home, stopping } = options;
  const run = await spawnEngine(join(options.binaries, 'initdb'), args, {
    cwd: home.dir,
    env: { LC_ALL: 'C' },
    user: home.user,
  });
  const abort = () => void endProcess(run.pid, run.isAlive, []);
  stopping.addEventListener('abort', abort, { once: true });
  const how = await run.ended;
  stopping.removeEventListener('abort', abort);
  if (how !== 'exit code 0') throw new Error(`initdb failed (${how}): ${run.complaint()}`);
}

/**
 * Stops a server that outlived an earlier program on this cluster, and takes away the pid file that it, or a crash, left:
 * PostgreSQL refuses to start when any process has the id in it. The caller holds the lock of this folder, so nobody
 * else starts a server here.
 */
export async function stopOrphan(cluster: string): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid');
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0]);
  if (!(pid > 0)) return;
  const isOurs = () => commandLineOf(pid).includes(`-D ${cluster} `);
  await endProcess(pid, isOurs, [
    ['SIGINT', 10_000],
    ['SIGQUIT', 2000],
  ]);
  await rm(pidFile, { force: true });
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
