import type { UpstreamTable } from '../table/route-table.ts';

/** So many checks in a row have to fail before a target is left out; one that passes brings it back. */
const failuresBeforeUnhealthy = 2;

/** What a check finds; a target that says itself that it takes no requests (503) is `leaving`, and believed at once. */
export type Health = 'well' | 'failed' | 'leaving';

/**
 * Asks every target for its health path again and again, if the upstream has one.
 * @param found called whenever a target is found to be another than before
 * @returns ends the checks
 */
export function watchHealth(
  { targets, health }: UpstreamTable,
  found: (url: string, healthy: boolean) => void,
  ask: (url: string, timeoutMs: number) => Promise<Health> = askHealth,
): () => void {
  if (health === undefined) return () => {};
  const failures = new Map(targets.map((url) => [url, 0]));
  const check = async (url: string) => {
    const answer = await ask(new URL(health.path, url).href, health.timeoutMs);
    const before = failures.get(url) ?? 0;
    const after =
      answer === 'well'
        ? 0
        : answer === 'failed'
          ? before + 1
          : Math.max(before + 1, failuresBeforeUnhealthy);
    failures.set(url, after);
    const isWell = after < failuresBeforeUnhealthy;
    if (isWell !== before < failuresBeforeUnhealthy) found(url, isWell);
  };
  const timer = setInterval(() => {
    for (const url of targets) void check(url);
  }, health.intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

async function askHealth(url: string, timeoutMs: number): Promise<Health> {
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
    await answer.body?.cancel();
    if (answer.ok) return 'well';
    return answer.status === 503 ? 'leaving' : 'failed';
  } catch {
    return 'failed';
  }
}
