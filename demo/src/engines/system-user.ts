import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import type { SystemUser } from './engine-process.ts';

/**
 * Whom PostgreSQL runs as. It refuses root; there it gets the owner of its files, which are in one of these places if it
 * has run before, else a system user `portico`, which is made when it is missing, else `nobody`. Everybody else runs it
 * as himself: undefined.
 */
export function engineUser(places: readonly string[]): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const place of places) {
    const owner = statSync(place, { throwIfNoEntry: false });
    if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  }
  return findUser('portico') ?? makeUser('portico') ?? findUser('nobody');
}

function findUser(name: string): SystemUser | undefined {
  const [uid, gid] = ['-u', '-g'].map((option) => {
    const { status, stdout } = spawnSync('id', [option, name], { encoding: 'utf8' });
    return status === 0 ? Number(stdout) : 0;
  });
  return uid && gid ? { uid, gid } : undefined;
}

function makeUser(name: string): SystemUser | undefined {
  const useradd = ['useradd', '--system', '--user-group', '--no-create-home', '--shell', '/bin/false', name];
  const busyboxAdduser = ['adduser', '-S', '-D', '-H', '-s', '/bin/false', name];
  for (const [command = '', ...args] of [useradd, busyboxAdduser]) {
    if (spawnSync(command, args, { stdio: 'ignore' }).status === 0) return findUser(name);
  }
  return undefined;
}

/** Whether `user` can enter the folder `dir`: asked of the system, which also knows about lists and mount options. */
export function canEnter(dir: string, user: SystemUser): boolean {
  return (
    spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', dir], { ...user, cwd: '/', stdio: 'ignore' }).status === 0
  );
}
