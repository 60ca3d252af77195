/** Settings of an engine's program, which the program that forks it gives as environment variables. */
export interface EngineConfig {
  /** PORTICO_ENGINE_DIR: everything that the engine writes lies here. */
  readonly dir: string;
  /** PORTICO_ENGINE_PORT: on 127.0.0.1; 0 takes any free one. */
  readonly port: number;
  /** PORTICO_ENGINE_TEMPORARY: nothing outlives the program, so nothing waits for the disk, and `dir` is removed at the end. */
  readonly temporary: boolean;
}

export interface PostgresConfig extends EngineConfig {
  /** DATABASES, separated by commas: each becomes a database and a role of that name. */
  readonly databases: readonly string[];
  /** CAPTURED, separated by commas: those of the databases whose changes are captured. */
  readonly captured: readonly string[];
  /** DATABASE_URL: a running server to use instead of starting one. */
  readonly externalUrl: string | undefined;
}

/** @throws Error with one line when PORTICO_ENGINE_DIR is missing. */
export function readEngineConfig(env: NodeJS.ProcessEnv = process.env): EngineConfig {
  const {
    PORTICO_ENGINE_DIR: dir,
    PORTICO_ENGINE_PORT: port = '0',
    PORTICO_ENGINE_TEMPORARY: temporary,
  } = env;
  if (dir === undefined || dir === '') throw new Error('PORTICO_ENGINE_DIR is not set: expected a folder');
  return { dir, port: Number(port), temporary: temporary === 'true' };
}

/** @throws Error as `readEngineConfig` does. */
export function readPostgresConfig(env: NodeJS.ProcessEnv = process.env): PostgresConfig {
  return {
    ...readEngineConfig(env),
    databases: namesIn(env.DATABASES),
    captured: namesIn(env.CAPTURED),
    externalUrl: env.DATABASE_URL === '' ? undefined : env.DATABASE_URL,
  };
}

function namesIn(text = ''): string[] {
  return text.split(',').filter((name) => name !== '');
}
