/** What a started engine tells whoever forked its program. */
export interface EngineReady {
  /** Which engine it is, for people. */
  readonly engine: string;
  readonly url: string;
  /** Process id of the engine itself; an engine that was only given by URL has none here. */
  readonly pid?: number | undefined;
  /** One URL a database, by name; PostgreSQL only. */
  readonly databases?: Readonly<Record<string, string>>;
  /** The URLs with which change capture reads databases, by name; PostgreSQL only. */
  readonly captures?: Readonly<Record<string, string>>;
  /** Something that a person should be told about this start. */
  readonly note?: string | undefined;
}

export interface RunningEngine {
  readonly ready: EngineReady;
  /** Settles when the engine ends without being asked to; the value says how. */
  readonly died: Promise<string>;
  /** Stops the engine in good order and lets go of what the program holds. */
  stop(): Promise<void>;
}

/**
 * The life of an engine's program, which runs beside the engine and answers for it:
 *  1. `start` starts the engine, or gives null when there is none on this machine.
 *  2. The parent that forked the program is told `{ ready: … }`, or `{ ready: null }`, which also ends it with exit 0.
 *  3. When the engine dies, the program ends with one line on stderr and exit 1: its parent starts it again.
 *  4. SIGTERM, SIGINT, SIGHUP or the end of the parent: the engine is stopped, exit 0.
 * @param start is given a signal that aborts at step 4, also while it is still working.
 */
export async function runEngine(
  start: (stopping: AbortSignal) => Promise<RunningEngine | null>,
): Promise<void> {
  const { signal: stopping } = stopRequests();
  let exitCode = 0;
  try {
    const engine = await start(stopping);
    await tellParent({ ready: engine?.ready ?? null });
    if (engine !== null) exitCode = await live(engine, stopping);
  } catch (error) {
    if (!stopping.aborted) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      exitCode = 1;
    }
  }
  process.exit(exitCode);
}

/** Steps 3 and 4; gives the exit code. */
async function live(engine: RunningEngine, stopping: AbortSignal): Promise<number> {
  const stopped = new Promise<null>((resolve) => {
    stopping.addEventListener('abort', () => resolve(null), { once: true });
    if (stopping.aborted) resolve(null);
  });
  const death = await Promise.race([engine.died, stopped]);
  await engine.stop();
  if (death === null) return 0;
  process.stderr.write(`${death}\n`);
  return 1;
}

function tellParent(message: { readonly ready: EngineReady | null }): Promise<void> {
  // Without a parent, or with one that has just gone, there is nobody to tell.
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, () => resolve());
    else resolve();
  });
}

function stopRequests(): AbortController {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);
  if (process.send !== undefined) process.on('disconnect', stop);
  // The parent may have gone while our modules were loaded, before we listened.
  if (process.connected === false) stop();
  // The engine must still be stopped when nobody reads what we write any more.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  return controller;
}
