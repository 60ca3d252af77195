import { spawnSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { takeDataLock } from '@portico/runtime/data-lock.ts';
import { freePort } from '../free-port.ts';
import { readEngineConfig } from './config.ts';
import { endProcess, spawnEngine } from './engine-process.ts';
import { type RunningEngine, runEngine } from './engine-program.ts';
import { keptPassword } from './kept-password.ts';
import { askRedis } from './redis-ask.ts';

await runEngine(startRedis);

/** Starts the Redis or Valkey that is found on PATH; null when there is none. */
async function startRedis(stopping: AbortSignal): Promise<RunningEngine | null> {
  const command = ['redis-server', 'valkey-server'].find(isInstalled);
  if (command === undefined) return null;

  const { dir, port: wishedPort, temporary } = readEngineConfig();
  const lock = await takeDataLock(join(dir, 'lock'), { waitMs: 10_000, signal: stopping });
  const password = await keptPassword(dir);
  const configPath = join(dir, 'redis.conf');
  await stopOrphan(configPath, password);

  const port = wishedPort === 0 ? await freePort() : wishedPort;
  await writeFile(configPath, serverConfig({ dir, port, password }), { mode: 0o600 });
  const server = await spawnEngine(command, [configPath], { cwd: dir });
  const stop = async () => {
    await endProcess(server.pid, server.isAlive, [['SIGTERM', 4000]]);
    lock.release();
    if (temporary) await rm(dir, { recursive: true, force: true });
  };
  while (server.isAlive() && !stopping.aborted && !(await answers(port, password))) await delay(20);
  if (!server.isAlive()) {
    await stop();
    throw new Error(`${command}: ${server.complaint()}`);
  }
  const ready = { engine: command, url: `redis://:${password}@127.0.0.1:${port}`, pid: server.pid };
  return { ready, died: server.ended.then((how) => `${command} died (${how})`), stop };
}

function isInstalled(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

/**
 * Nothing is kept on disk (no snapshots, no append-only file): it is a cache of what the services hold, and copies from
 * before a stop would be older than what the services have committed since.
 */
function serverConfig({ dir, port, password }: { dir: string; port: number; password: string }): string {
  return [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    `dir ${JSON.stringify(dir)}`,
    'save ""',
    'appendonly no',
    'maxmemory 256mb',
    'maxmemory-policy allkeys-lru',
    '',
  ].join('\n');
}

/**
 * Stops the server that outlived an earlier program on this folder, if there is one. It is asked rather than killed:
 * only ours, on the port of its last start, knows the password, so nobody else can be hit.
 */
async function stopOrphan(configPath: string, password: string): Promise<void> {
  const config = await readFile(configPath, 'utf8').catch(() => '');
  const port = Number(/^port (\d+)$/m.exec(config)?.[1] ?? 0);
  if (port === 0 || !(await answers(port, password))) return;
  await askRedis(port, password, 'SHUTDOWN NOSAVE').catch(() => '');
  for (let looks = 0; looks < 250 && (await answers(port, password)); looks++) await delay(20);
}

async function answers(port: number, password: string): Promise<boolean> {
  return (await askRedis(port, password, 'PING').catch(() => '')) === '+PONG';
}
