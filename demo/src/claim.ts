import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type DataLock, LockedError, takeDataLock } from '@portico/runtime/data-lock.ts';
import type { DemoConfig } from './config.ts';
import { portProblem } from './free-port.ts';

/** Makes the data directory this demo's alone. @throws Error with one line when it can't be had. */
export async function claimDataDir(dataDir: string): Promise<DataLock> {
  try {
    return await takeDataLock(join(dataDir, 'lock'));
  } catch (error) {
    if (error instanceof LockedError) {
      throw new Error(
        `Another demo is running in ${dataDir}: stop it, or set PORTICO_DATA_DIR to another folder`,
      );
    }
    const reason = (error as Error).message;
    throw new Error(
      `The data directory ${dataDir} can't be used (${reason}): set PORTICO_DATA_DIR to another folder`,
    );
  }
}

/**
 * Makes sure that gateway and identity provider can have their ports. After a demo that was killed, they may need a moment
 * to end.
 * @throws Error with one line that names the port and its variable.
 */
export async function claimPorts(config: DemoConfig): Promise<void> {
  const killed = existsSync(join(config.dataDir, 'demo.json'));
  const deadline = performance.now() + (killed ? 10_000 : 0);
  await claimPort('PORTICO_PORT', config.port, undefined, deadline);
  await claimPort('PORTICO_ADMIN_PORT', config.adminPort, '127.0.0.1', deadline);
  if (config.oidcIssuer === undefined) {
    await claimPort('PORTICO_IDENTITY_PORT', config.identityPort, '127.0.0.1', deadline);
  }
}

async function claimPort(
  variable: string,
  port: number,
  host: string | undefined,
  deadline: number,
): Promise<void> {
  if (port === 0) return;
  for (;;) {
    const problem = await portProblem(port, host);
    if (problem === undefined) return;
    if (problem !== 'EADDRINUSE' || performance.now() >= deadline) {
      const why = problem === 'EADDRINUSE' ? 'is in use by another program' : `can't be used (${problem})`;
      throw new Error(`Port ${port} ${why}: set ${variable} to another port`);
    }
    await delay(100);
  }
}
