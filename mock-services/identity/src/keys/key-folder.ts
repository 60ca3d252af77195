import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SigningKey } from './signing-keys.ts';

/** Where keys outlive the process. */
export interface KeyFolder {
  /** Empty where there are none yet. @throws Error that names the file when it can't be read. */
  read(): readonly SigningKey[];
  write(keys: readonly SigningKey[]): void;
}

/** Keeps the keys in a file of the folder that only the owner may read; it is replaced in one step. */
export function openKeyFolder(folder: string): KeyFolder {
  const file = join(folder, 'signing-keys.json');
  return {
    read: () => {
      const text = readIfThere(file);
      return text === undefined ? [] : parseKeys(text, file);
    },
    write: (keys) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, JSON.stringify({ keys }), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
  };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseKeys(text: string, file: string): readonly SigningKey[] {
  try {
    const { keys } = JSON.parse(text) as { keys: SigningKey[] };
    if (keys.every(({ kid, d }) => typeof kid === 'string' && typeof d === 'string')) return keys;
  } catch {
    // Said below, without what the file holds.
  }
  throw new Error(`${file} holds no signing keys: delete it to have new ones made`);
}
