/**
 * Gives the time as `Date.prototype.toISOString` writes it. The part down to the second is kept for as long as it holds:
 * a log writes thousands of times in a second.
 * @param now epoch milliseconds
 */
export function createIsoClock(now: () => number = Date.now): () => string {
  let second = Number.NaN;
  let prefix = '';
  return () => {
    const time = now();
    const ms = time % 1_000;
    if (time - ms !== second) {
      second = time - ms;
      prefix = new Date(second).toISOString().slice(0, -4);
    }
    return `${prefix}${String(ms).padStart(3, '0')}Z`;
  };
}
