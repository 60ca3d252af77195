import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessStatus } from './kept-process.ts';

/** What `demo.json` tells other programs about the running demo. */
export interface DemoFile {
  readonly gateway: string;
  readonly admin: string;
  readonly processes: readonly { name: string; pid?: number; url: string; admin?: string }[];
  /** PostgreSQL URLs, by service, and of the hub. They hold passwords: only the owner may read the file. */
  readonly databases: Readonly<Record<string, string>>;
}

/** The file's contents for these processes; undefined while the gateway has not been ready. */
export function toDemoFile(statuses: readonly ProcessStatus[]): DemoFile | undefined {
  const gateway = statuses.find(({ name }) => name === 'gateway')?.ready;
  if (gateway?.admin === undefined) return undefined;
  const processes = statuses.flatMap(({ name, pid, ready }) =>
    ready === undefined
      ? []
      : [{ name, ...(pid && { pid }), url: ready.url, ...(ready.admin && { admin: ready.admin }) }],
  );
  const databases = statuses.find(({ ready }) => ready?.databases)?.ready?.databases ?? {};
  return { gateway: gateway.url, admin: gateway.admin, processes, databases };
}

/** Replaces `<dataDir>/demo.json` in one step: readers see the old or the new one, never a part. */
export function writeDemoFile(dataDir: string, contents: DemoFile): void {
  const path = join(dataDir, 'demo.json');
  writeFileSync(`${path}.new`, `${JSON.stringify(contents, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeDemoFile(dataDir: string): void {
  rmSync(join(dataDir, 'demo.json'), { force: true });
}
