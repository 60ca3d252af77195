import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SystemUser } from './engine-process.ts';
import { canEnter, engineUser } from './system-user.ts';

/** Where PostgreSQL's files lie and whose they are. */
export interface PostgresHome {
  /** The server's own folder, 0700. */
  readonly dir: string;
  /** Where copies of the binaries may lie that `user` can run. */
  readonly binariesDir: string;
  readonly user: SystemUser | undefined;
  /** Says where the files are when they are not below the engine's folder. */
  readonly note: string | undefined;
}

const systemDir = '/var/lib/portico';

/**
 * Makes the server's folder below `engineDir`; or below /var/lib/portico when the user that the server runs as can't
 * get into `engineDir`, as with everything below root's home. There its name comes from the folder and from `password`,
 * which lies in `engineDir`: a data folder that was removed and made anew begins anew.
 */
export function makePostgresHome(engineDir: string, password: string): PostgresHome {
  const inside = join(engineDir, 'data');
  const name = createHash('sha256').update(`${engineDir}\n${password}`).digest('hex').slice(0, 16);
  const outside = join(systemDir, name);
  const user = engineUser([inside, outside]);
  if (user === undefined || canEnter(engineDir, user)) {
    return { dir: ownFolder(inside, user), binariesDir: engineDir, user, note: undefined };
  }
  const note = `its files lie in ${outside}, because its own user can't get into ${engineDir}`;
  return { dir: ownFolder(outside, user), binariesDir: systemDir, user, note };
}

function ownFolder(dir: string, user: SystemUser | undefined): string {
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  if (user !== undefined) chownSync(dir, user.uid, user.gid);
  chmodSync(dir, 0o700);
  return dir;
}
