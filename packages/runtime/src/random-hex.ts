import { randomFillSync } from 'node:crypto';

/** Random bytes asked of the system at a time: a request of its own for every id costs several times the id. */
const pooledBytes = 4_096;

/** Makes random ids of `byteCount` bytes in hexadecimal, each byte used once. */
export function createRandomHex(
  byteCount: number,
  fill: (bytes: Buffer) => Buffer = randomFillSync,
): () => string {
  const pool = Buffer.alloc(pooledBytes - (pooledBytes % byteCount));
  const length = byteCount * 2;
  let digits = '';
  let used = 0;
  return () => {
    if (used === digits.length) {
      digits = fill(pool).toString('hex');
      used = 0;
    }
    used += length;
    return digits.slice(used - length, used);
  };
}
