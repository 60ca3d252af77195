import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that `ending` will delete. */
export async function temporaryFolder(ending: AsyncDisposableStack): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'portico-bench-'));
  ending.defer(() => rm(dir, { recursive: true, force: true }));
  // As root, PostgreSQL runs as another user, who must get into it.
  await chmod(dir, 0o711);
  return dir;
}
