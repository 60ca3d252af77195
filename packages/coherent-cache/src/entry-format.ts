import type { Sight } from '@portico/change-stream/node/change-node.ts';

/** The shape of entries in the stores. Another shape gets another number, so that builds don't read each other's. */
export const entryFormat = 2;

/** What is kept under a key. */
export interface Entry {
  /** JSON, frozen; null for something that doesn't exist. */
  readonly value: unknown;
  /** When the reading of the value began, in epoch milliseconds: it may be as old as that. */
  readonly readAt: number;
  /** The services that it was read from. */
  readonly sources: readonly string[];
  /** What it was made from: it is old when one of them has changed. */
  readonly tags: readonly string[];
  /** All changes up to here are in it; null where nothing is known of changes. Grows with each look-up that finds it current. */
  fence: number | null;
  /** How new it may be: what its services showed when it was read. */
  seen: readonly Sight[];
}

/** @throws TypeError for a value that is not JSON. */
export function writeEntry(key: string, { value, ...rest }: Entry): Uint8Array {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`a cached value must be JSON, but came as ${typeof value}`);
  return Buffer.from(`${JSON.stringify({ key, ...rest }).slice(0, -1)},"value":${json}}`);
}

/**
 * Reads what `writeEntry` wrote. Anything else is undefined, and so is the entry of another key: a reply that a store has
 * mixed up must not become somebody's answer.
 */
export function readEntry(key: string, bytes: Uint8Array): Entry | undefined {
  try {
    const entry = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
    if (!isEntry(entry) || entry.key !== key) return undefined;
    const { value, readAt, sources, tags, fence, seen } = entry;
    return { value: freeze(value), readAt, sources, tags, fence, seen };
  } catch {
    return undefined;
  }
}

function isEntry(entry: unknown): entry is Entry & { readonly key: unknown } {
  const { readAt, sources, tags, fence, seen } = entry as Entry;
  return (
    Number.isFinite(readAt) &&
    [sources, tags, seen].every(Array.isArray) &&
    (fence === null || Number.isSafeInteger(fence)) &&
    'value' in (entry as Entry)
  );
}

/** Makes a value of JSON one that any number of readers can share, as none can change it. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
