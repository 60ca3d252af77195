import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startChild } from '../child.ts';

export interface MeasuredShop {
  readonly hubUrl: string;
  /** Connections to the catalog's database, as its own role. */
  readonly database: pg.Pool;
  close(): Promise<void>;
}

/** The catalog, its database and the hub in one PostgreSQL that waits for the disk as in production, and capture. */
export async function startMeasuredShop(productCount: number): Promise<MeasuredShop> {
  const postgres = await startPostgres();
  const { catalog: databaseUrl = '', hub: hubUrl = '' } = postgres.databases;
  const catalog = await startChild({
    program: '../../mock-services/catalog/src/main.ts',
    env: { DATABASE_URL: databaseUrl, PORTICO_DEMO_PRODUCTS: String(productCount), LOG_LEVEL: 'silent' },
    listens: true,
  });
  const capture = await startChild({
    program: '../../packages/change-stream/src/capture/main.ts',
    env: { HUB_URL: hubUrl, CAPTURE_CATALOG_URL: postgres.captures.catalog ?? '', LOG_LEVEL: 'silent' },
    listens: true,
  });
  const database = new pg.Pool({ connectionString: databaseUrl, max: 8 });
  // Of one that breaks while it is idle; a query tells of any other.
  database.on('error', () => {});
  return {
    hubUrl,
    database,
    close: async () => {
      capture.stop();
      catalog.stop();
      await database.end();
      await postgres.stop();
    },
  };
}

/** The demo's own engine, on a folder of its own. */
async function startPostgres() {
  const dir = await mkdtemp(join(tmpdir(), 'portico-bench-'));
  // As root, the engine runs as another user, who must get into it.
  await chmod(dir, 0o711);
  const program = fileURLToPath(new URL('../../../demo/src/engines/postgres.ts', import.meta.url));
  const child = fork(program, [], {
    env: { PATH: process.env.PATH, PORTICO_ENGINE_DIR: dir, DATABASES: 'catalog,hub', CAPTURED: 'catalog' },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const ended = once(child, 'exit');
  const failed = ended.then(() => Promise.reject(new Error('PostgreSQL did not start')));
  const [{ ready }] = await Promise.race([once(child, 'message'), failed]);
  failed.catch(() => {});
  const { databases, captures } = ready as Record<'databases' | 'captures', Record<string, string>>;
  return {
    databases,
    captures,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}
