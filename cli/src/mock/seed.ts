/** A whole number from 0 to 2³² - 1 that follows from `parts` alone (FNV-1a over their JSON text). */
export function seedOf(...parts: readonly unknown[]): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(JSON.stringify(parts))) hash = Math.imul(hash ^ byte, 0x01000193);
  // FNV-1a hardly mixes its last bytes into the high bits; this does.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
