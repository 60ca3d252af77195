import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type EngineProcess, endProcess, spawnEngine } from './engine-process.ts';
import type { PostgresHome } from './postgres-home.ts';

export interface ServerOptions {
  readonly home: PostgresHome;
  readonly binaries: string;
  readonly cluster: string;
  readonly port: number;
  /** Don't wait for the disk: for data that nobody needs after a crash. */
  readonly temporary: boolean;
  readonly stopping: AbortSignal;
}

/**
 * Starts the server on 127.0.0.1 and waits until it takes connections, however long it needs to recover from a crash.
 * @throws Error with one line when it ends instead.
 */
export async function startServer(options: ServerOptions): Promise<EngineProcess> {
  const { home, cluster } = options;
  for (let attempt = 1; ; attempt++) {
    const server = await spawnEngine(join(options.binaries, 'postgres'), serverArguments(options), {
      cwd: home.dir,
      env: { LC_ALL: 'C' },
      user: home.user,
    });
    while (server.isAlive() && !(await isReady(cluster, server.pid))) {
      if (options.stopping.aborted) await stopServer(server);
      else await delay(20);
    }
    if (server.isAlive()) return server;
    await server.ended;
    // Processes of a server that was just killed may hold its shared memory for another moment.
    const retry = /shared memory/.test(server.complaint()) && attempt < 50 && !options.stopping.aborted;
    if (!retry) throw new Error(server.complaint());
    await delay(100);
  }
}

/** Fast shutdown: clients are disconnected, everything is written, so that the next start needs no recovery. */
export async function stopServer(server: EngineProcess): Promise<void> {
  await endProcess(server.pid, server.isAlive, [
    ['SIGINT', 7000],
    ['SIGQUIT', 1000],
  ]);
}

function serverArguments({ cluster, port, temporary }: ServerOptions): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    wal_level: 'logical',
    max_replication_slots: 50,
    max_wal_senders: 50,
    // A slot that nobody reads is given up before it fills the disk; capture then says how to begin anew.
    max_slot_wal_keep_size: '2GB',
    password_encryption: 'scram-sha-256',
    // What is written outlives a kill also so, though not the machine's end; whole pages are for one that dies in a write.
    ...(temporary ? { fsync: 'off', synchronous_commit: 'off' } : {}),
  };
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** Line 1 of postmaster.pid is the process id, line 8 its state: what pg_ctl waits for, too. */
async function isReady(cluster: string, pid: number): Promise<boolean> {
  const lines = (await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}
