import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** An engine that a test started for itself. It ends with `stop` or with the test's process, and leaves nothing. */
export interface TestEngine {
  readonly url: string;
  /** Process id of the engine itself. */
  readonly pid: number;
  stop(): Promise<void>;
}

export interface TestPostgres extends TestEngine {
  /** Kills the server with SIGKILL, and starts it again at the same address: what was on its way to the disk is lost. */
  crash(): Promise<void>;
  /** Kills the server, deletes all of its files, and starts one at the same address whose databases are new. */
  loseAll(): Promise<void>;
  /** By name, the URL of a database with the role that owns it; `url` is the superuser's. */
  readonly databases: Readonly<Record<string, string>>;
  /** By name, the URL of a database that is captured with the role `capture`. */
  readonly captures: Readonly<Record<string, string>>;
}

/**
 * Starts a PostgreSQL server with these databases, each with a role of its own that can connect to no other. The changes of
 * those that are `captured` can be read with the role `capture`.
 * @throws Error with the reason when it does not start.
 */
export async function startPostgres(options: {
  readonly databases: readonly string[];
  readonly captured?: readonly string[];
}): Promise<TestPostgres> {
  const env = { DATABASES: options.databases.join(','), CAPTURED: options.captured?.join(',') ?? '' };
  const dir = await engineFolder('postgres');
  let engine = await startEngine('postgres', env, dir);
  const { url, databases = {}, captures = {} } = engine.ready;
  const startAgain = async (between: () => Promise<void> = async () => {}) => {
    // Its program first, or that would tidy up after it.
    await engine.kill();
    process.kill(engine.ready.pid, 'SIGKILL');
    await between();
    engine = await startEngine('postgres', { ...env, PORTICO_ENGINE_PORT: new URL(url).port }, dir);
  };
  return {
    url,
    databases,
    captures,
    get pid() {
      return engine.ready.pid;
    },
    crash: () => startAgain(),
    // The passwords stay, as those who connect were told them.
    loseAll: () => startAgain(() => rm(join(dir, 'data'), { recursive: true, maxRetries: 20 })),
    stop: () => engine.stop(),
  };
}

export interface TestRedis extends TestEngine {
  /** Kills the server with SIGKILL, and starts it again at the same address, with nothing in it. */
  crash(): Promise<void>;
}

/**
 * Starts a Redis or Valkey server.
 * @throws Error when none is installed: ask `findRedis` first.
 */
export async function startRedis(): Promise<TestRedis> {
  const dir = await engineFolder('redis');
  let engine = await startEngine('redis', {}, dir);
  const { url } = engine.ready;
  return {
    url,
    get pid() {
      return engine.ready.pid;
    },
    crash: async () => {
      await engine.kill();
      process.kill(engine.ready.pid, 'SIGKILL');
      engine = await startEngine('redis', { PORTICO_ENGINE_PORT: new URL(url).port }, dir);
    },
    stop: () => engine.stop(),
  };
}

/** The Redis or Valkey server on PATH; undefined when there is none, so that a test can say that it skips for that. */
export function findRedis(): string | undefined {
  return ['redis-server', 'valkey-server'].find(
    (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0,
  );
}

interface Ready {
  readonly url: string;
  readonly pid: number;
  readonly databases?: Readonly<Record<string, string>>;
  readonly captures?: Readonly<Record<string, string>>;
}

async function engineFolder(name: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), `portico-${name}-`));
  // As root, the engine runs as another user, who must get into it.
  await chmod(dir, 0o711);
  return dir;
}

interface StartedEngine {
  readonly ready: Ready;
  stop(): Promise<void>;
  /** Ends the program beside the engine, which lives on. */
  kill(): Promise<void>;
}

async function startEngine(
  name: 'postgres' | 'redis',
  env: NodeJS.ProcessEnv,
  dir: string,
): Promise<StartedEngine> {
  const program = fileURLToPath(new URL(`../../../demo/src/engines/${name}.ts`, import.meta.url));
  const child = fork(program, [], {
    env: { PATH: process.env.PATH, ...env, PORTICO_ENGINE_DIR: dir, PORTICO_ENGINE_TEMPORARY: 'true' },
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const ready = await readyMessage(child, name);
  const ended = once(child, 'exit');
  letGo(child);
  const end = async (signal: NodeJS.Signals) => {
    child.ref();
    child.kill(signal);
    await ended;
  };
  return { ready, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
}

async function readyMessage(child: ChildProcess, name: string): Promise<Ready> {
  let lastLine = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    lastLine = chunk.toString().trimEnd().split('\n').at(-1) ?? lastLine;
  });
  const ended = once(child, 'close').then(() => {
    throw new Error(`${name} did not start: ${lastLine}`);
  });
  const [message] = await Promise.race([once(child, 'message'), ended]);
  if (message.ready === null) throw new Error(`${name} is not installed`);
  return message.ready;
}

/** Lets the test's process end while the engine runs; the end of the channel between them stops the engine. */
function letGo(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
  (child.stderr as unknown as { unref?: () => void } | null)?.unref?.();
}
