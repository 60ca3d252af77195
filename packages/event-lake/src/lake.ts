import { existsSync, readdirSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HistoryDamaged } from '@portico/change-stream/views/record-history.ts';
import { type Manifest, openManifest } from './manifest.ts';
import { unfinishedName } from './segment.ts';

/** A lake on this machine's disk: a folder of segments, and the manifest that says which of them count. */
export interface Lake {
  readonly manifest: Manifest;
  /** Where the segments are. */
  readonly folder: string;
}

const manifestIn = (dir: string) => join(dir, 'manifest.sqlite');
const segmentsIn = (dir: string) => join(dir, 'segments');

/** The lake, or a piece of it, is not what was written. The message names it. */
export class LakeDamaged extends HistoryDamaged {
  override name = 'LakeDamaged';
}

/**
 * Opens the lake in `dir` for its one writer, or makes it; what it made is on the disk when it returns.
 * @throws LakeDamaged when there are segments and no manifest: a new one would not know what they are.
 */
export async function openLakeForWriting(dir: string): Promise<Lake> {
  refuseLostManifest(dir);
  const folder = segmentsIn(dir);
  await mkdir(folder, { recursive: true });
  const manifest = openManifest(manifestIn(dir));
  for (const made of [folder, dir, dirname(dir)]) await syncFolder(made);
  return { manifest, folder };
}

/** Whether there is anything of a lake in `dir`. */
export function isLake(dir: string): boolean {
  return existsSync(manifestIn(dir)) || existsSync(segmentsIn(dir));
}

/**
 * @throws LakeDamaged when its manifest is missing or none.
 * @throws Error when there is no lake in `dir`.
 */
export function openLake(dir: string): Lake {
  refuseLostManifest(dir);
  if (!existsSync(manifestIn(dir))) {
    throw new Error(`there is no lake in ${dir}: portico lake write makes one, LAKE_URL says where it is`);
  }
  try {
    return { manifest: openManifest(manifestIn(dir)), folder: segmentsIn(dir) };
  } catch (error) {
    throw new LakeDamaged(`manifest.sqlite: ${(error as Error).message}`, { cause: error });
  }
}

function refuseLostManifest(dir: string): void {
  const folder = segmentsIn(dir);
  if (existsSync(manifestIn(dir)) || !existsSync(folder)) return;
  if (readdirSync(folder).some((name) => name !== unfinishedName)) {
    throw new LakeDamaged(`manifest.sqlite is missing, and there are segments in ${folder}`);
  }
}

/** A file that was renamed is there after a loss of power only when its folder was synced. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
