import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The password kept in the folder `dir`, readable by its owner alone; the first call makes it. It stays the same for
 * ever, because whoever was told it lives on when the engine is started again.
 */
export async function keptPassword(dir: string): Promise<string> {
  const path = join(dir, 'password');
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const password = randomBytes(24).toString('hex');
  await mkdir(dir, { recursive: true });
  await writeFile(`${path}.new`, password, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return password;
}
