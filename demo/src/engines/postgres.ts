import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { takeDataLock } from '@portico/runtime/data-lock.ts';
import { freePort } from '../free-port.ts';
import { type PostgresConfig, readPostgresConfig } from './config.ts';
import type { EngineProcess } from './engine-process.ts';
import { type EngineReady, type RunningEngine, runEngine } from './engine-program.ts';
import { keptPassword } from './kept-password.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';
import { ensureCluster, stopOrphan } from './postgres-cluster.ts';
import { ensureDatabases } from './postgres-databases.ts';
import { makePostgresHome } from './postgres-home.ts';
import { startServer, stopServer } from './postgres-server.ts';

await runEngine((stopping) => {
  const config = readPostgresConfig();
  return config.externalUrl === undefined
    ? startOwn(config, stopping)
    : useExternal(config, config.externalUrl, stopping);
});

/** Starts a server of our own on the folder `config.dir`, whatever state an earlier one was left in. */
async function startOwn(config: PostgresConfig, stopping: AbortSignal): Promise<RunningEngine> {
  const { databases: names, captured, temporary } = config;
  const engineDir = resolve(config.dir);
  const lock = await takeDataLock(join(engineDir, 'lock'), { waitMs: 10_000, signal: stopping });
  const password = await keptPassword(engineDir);
  const home = makePostgresHome(engineDir, password);
  const letGo = async () => {
    lock.release();
    if (!temporary) return;
    for (const dir of [home.dir, engineDir]) await rm(dir, { recursive: true, force: true });
  };
  let server: EngineProcess | undefined;
  try {
    const binaries = findPostgresBinaries(home);
    await stopOrphan(join(home.dir, 'cluster'));
    const cluster = await ensureCluster({ home, binaries, password, temporary, stopping });
    const port = config.port === 0 ? await freePort() : config.port;
    server = await startServer({ home, binaries, cluster, port, temporary, stopping });
    const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
    const urls = await ensureDatabases({ url, names, captured, secret: password, ownServer: true });
    return running(server, { url, ...urls, note: home.note }, letGo);
  } catch (error) {
    if (server !== undefined) await stopServer(server);
    await letGo();
    throw error;
  }
}

function running(
  server: EngineProcess,
  ready: Omit<EngineReady, 'engine' | 'pid'>,
  letGo: () => Promise<void>,
): RunningEngine {
  return {
    ready: { engine: 'embedded PostgreSQL', pid: server.pid, ...ready },
    died: server.ended.then((how) => `PostgreSQL died (${how})`),
    stop: async () => {
      await stopServer(server);
      await letGo();
    },
  };
}

/** Makes the databases on a server that somebody else runs. */
async function useExternal(
  config: PostgresConfig,
  url: string,
  stopping: AbortSignal,
): Promise<RunningEngine> {
  // Nothing here needs to be stopped in good order, and that server may let us wait.
  stopping.addEventListener('abort', () => process.exit(0));
  const secret = await keptPassword(config.dir);
  try {
    const { databases: names, captured } = config;
    const urls = await ensureDatabases({ url, names, captured, secret, ownServer: false });
    const ready = { engine: 'PostgreSQL of DATABASE_URL', url, ...urls };
    return { ready, died: new Promise(() => {}), stop: async () => {} };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    throw new Error(`The PostgreSQL of DATABASE_URL can't be used: ${message || code}`);
  }
}
