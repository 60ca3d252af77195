import { accessSync, constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';

/** Another living process holds the lock. */
export class LockedError extends Error {
  override name = 'LockedError';
}

export interface DataLock {
  release(): void;
}

export interface DataLockOptions {
  /** How long to wait for a holder that is on its way out, in milliseconds; 0 when left out. */
  readonly waitMs?: number;
  /** Ends the waiting; the promise rejects then. */
  readonly signal?: AbortSignal;
}

/**
 * Takes the lock that the file `path` stands for.
 *
 * Node has no file locks of its own; SQLite's are the kernel's, so they end with their process, however it ends, and no
 * stale file or reused process id can pretend to hold one.
 * @throws LockedError when another process holds it all that time.
 */
export async function takeDataLock(path: string, options: DataLockOptions = {}): Promise<DataLock> {
  const { waitMs = 0, signal } = options;
  await mkdir(dirname(path), { recursive: true });
  const deadline = performance.now() + waitMs;
  for (;;) {
    const database = new DatabaseSync(path);
    try {
      // SQLite would be content with reading, and then lock nothing.
      accessSync(path, constants.W_OK);
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      return { release: () => database.close() };
    } catch (error) {
      database.close();
      if (!/locked/.test(String(error))) throw error;
      if (performance.now() >= deadline) throw new LockedError(`${path} is locked by another process`);
    }
    await delay(100, undefined, signal && { signal });
  }
}
