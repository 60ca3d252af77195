/** The shape of entries in the stores. Another shape gets another number, so that builds don't read each other's. */
export const entryFormat = 1;

export interface CachedValue {
  /** JSON; null for something that doesn't exist. */
  readonly value: unknown;
  /** When the reading of the value began, in epoch milliseconds: it may be as old as that. */
  readonly readAt: number;
}

/** @throws TypeError for a value that is not JSON. */
export function writeEntry(key: string, { value, readAt }: CachedValue): Uint8Array {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`a cached value must be JSON, but came as ${typeof value}`);
  return Buffer.from(`{"key":${JSON.stringify(key)},"readAt":${readAt},"value":${json}}`);
}

/**
 * Reads what `writeEntry` wrote, as a new value each time. Anything else is undefined, and so is the entry of another
 * key: a reply that a store has mixed up must not become somebody's answer.
 */
export function readEntry(key: string, bytes: Uint8Array): CachedValue | undefined {
  try {
    const entry = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
    return entry?.key === key && Number.isFinite(entry.readAt) && 'value' in entry ? entry : undefined;
  } catch {
    return undefined;
  }
}
